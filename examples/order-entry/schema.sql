-- The tables of a small shop: what it sells, to whom, what was ordered, paid and shipped.
-- SQLite and MariaDB take it as it is; for PostgreSQL, write bytea for blob.

CREATE TABLE customers (
  id           integer       NOT NULL PRIMARY KEY,
  name         varchar(80)   NOT NULL,
  email        varchar(120)  UNIQUE,
  city         varchar(60)   NOT NULL,
  credit_limit decimal(10,2) NOT NULL CHECK (credit_limit >= 0),
  since        date          NOT NULL,
  last_order   date,
  note         varchar(200)
);

CREATE TABLE products (
  id       integer      NOT NULL PRIMARY KEY,
  sku      varchar(20)  NOT NULL UNIQUE,
  name     varchar(80)  NOT NULL,
  category varchar(20)  NOT NULL,
  price    decimal(8,2) NOT NULL CHECK (price > 0),
  weight_g integer,
  active   integer      NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
);

CREATE TABLE stock (
  product_id integer NOT NULL PRIMARY KEY,
  on_hand    integer NOT NULL CHECK (on_hand >= 0),
  reorder_at integer NOT NULL DEFAULT 20,
  counted_at timestamp NULL,
  FOREIGN KEY (product_id) REFERENCES products (id)
);

CREATE TABLE orders (
  id          integer       NOT NULL PRIMARY KEY,
  customer_id integer       NOT NULL,
  ordered_at  timestamp     NOT NULL,
  status      varchar(12)   NOT NULL CHECK (status IN ('open', 'paid', 'shipped', 'cancelled')),
  total       decimal(10,2) NOT NULL CHECK (total >= 0),
  shipped_on  date,
  remark      varchar(200),
  FOREIGN KEY (customer_id) REFERENCES customers (id)
);

CREATE INDEX orders_of_customer ON orders (customer_id, ordered_at);

CREATE TABLE order_lines (
  order_id   integer      NOT NULL,
  line_no    integer      NOT NULL,
  product_id integer      NOT NULL,
  quantity   integer      NOT NULL CHECK (quantity > 0),
  price      decimal(8,2) NOT NULL,
  discount   decimal(4,3) CHECK (discount > 0 AND discount < 1),
  PRIMARY KEY (order_id, line_no),
  UNIQUE (order_id, product_id),
  FOREIGN KEY (order_id) REFERENCES orders (id),
  FOREIGN KEY (product_id) REFERENCES products (id)
);

CREATE TABLE payments (
  id        integer       NOT NULL PRIMARY KEY,
  order_id  integer       NOT NULL,
  paid_at   timestamp     NOT NULL,
  amount    decimal(10,2) NOT NULL CHECK (amount > 0),
  method    varchar(12)   NOT NULL CHECK (method IN ('card', 'cash', 'transfer')),
  reference varchar(40)   UNIQUE,
  FOREIGN KEY (order_id) REFERENCES orders (id)
);

CREATE TABLE attachments (
  id         integer      NOT NULL PRIMARY KEY,
  order_id   integer      NOT NULL,
  file_name  varchar(80)  NOT NULL,
  media_type varchar(40)  NOT NULL,
  content    blob         NOT NULL,
  added_on   date         NOT NULL,
  FOREIGN KEY (order_id) REFERENCES orders (id)
);
