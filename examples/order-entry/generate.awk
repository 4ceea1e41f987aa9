# Writes orders.sql: some weeks in the life of a small shop, the same at every run and with every awk.
#
#   LC_ALL=C awk -f generate.awk > orders.sql
#
# Every value is in the text (no now(), no random(), no generated keys), so the script can be run on any
# database that has schema.sql. Lines that begin with "-- part" cut it into the parts of the demo.

# --- numbers, the same everywhere: awk's own rand() differs between implementations

function random(n) {  # 0 … n-1
    seed = (seed * 16807) % 2147483647
    return int(seed / 2147483647 * n)
}
function one_in(n) { return random(n) == 0 }

# --- values as SQL

function text(s) { gsub(/'/, "''", s); return "'" s "'" }
function money(cents) { return sprintf("%d.%02d", int(cents / 100), cents % 100) }
function day(n,  m) {  # day 0 is 2024-03-01
    m = 0
    while (n >= days[m % 12]) { n -= days[m % 12]; m++ }
    return sprintf("'2024-%02d-%02d'", m + 3, n + 1)
}
function moment(n,  d) {
    d = day(n)
    return sprintf("%s %02d:%02d:%02d'", substr(d, 1, 11), 8 + random(10), random(60), random(60))
}
function bytes(n,  i, s) {
    s = ""
    for (i = 0; i < n; i++) s = s sprintf("%02x", random(256))
    return "X'" s "'"
}

# --- statements and transactions

function say(sql) { work[++pending] = sql }
function commit(  i) {
    if (pending == 0) return
    print "BEGIN;"
    for (i = 1; i <= pending; i++) print work[i] ";"
    print "COMMIT;\n"
    statements += pending + 2
    transactions++
    pending = 0
}
function part(n, title) {
    commit()
    print "-- part " n ": " title "\n"
}

# --- the shop

function add_customer(  c, name) {
    c = ++customers
    name = names[(c - 1) % name_count]
    say("INSERT INTO customers (id, name, email, city, credit_limit, since, last_order, note) VALUES (" c ", " \
        text(name) ", " (c % 4 == 0 ? "NULL" : text("kunde" c "@example.org")) ", " text(cities[c % city_count]) ", " \
        money(50000 + 2500 * random(60)) ", " day(today) ", NULL, " (c % 7 == 0 ? text("liefert; nicht montags ✓") : "NULL") ")")
}
function add_product(  p, k) {
    p = ++products
    k = p % category_count
    price[p] = 150 + random(6000)
    on_hand[p] = 150 + random(200)
    active[p] = 1
    say("INSERT INTO products (id, sku, name, category, price, weight_g, active) VALUES (" p ", " \
        sprintf("'%s-%04d'", toupper(substr(categories[k], 1, 3)), p) ", " text(goods[p % good_count] " № " p) ", " \
        text(categories[k]) ", " money(price[p]) ", " (p % 6 == 0 ? "NULL" : 40 + random(2000)) ", 1)")
    say("INSERT INTO stock (product_id, on_hand, reorder_at, counted_at) VALUES (" p ", " on_hand[p] ", " \
        10 + random(30) ", " (p % 3 == 0 ? "NULL" : moment(today)) ")")
}
function take_order(  o, c, k, n, i, p, q, d, total, taken, sql) {
    o = ++orders
    c = 1 + random(customers)
    n = 2 + random(4)
    total = 0
    k = 0
    split("", taken)
    for (i = 0; i < n; i++) {
        p = 1 + random(products)
        if (p in taken || !active[p]) continue
        taken[p] = 1
        q = 1 + random(6)
        d = one_in(5) ? 50 : 0
        k++
        line_product[o, k] = p
        line_quantity[o, k] = q
        sql[k] = "INSERT INTO order_lines (order_id, line_no, product_id, quantity, price, discount) VALUES (" o ", " k ", " \
            p ", " q ", " money(price[p]) ", " (d ? "0.050" : "NULL") ")"
        total += q * price[p] - int(q * price[p] * d / 1000)
    }
    if (k < 2) { orders--; return }
    lines[o] = k
    amount[o] = total
    customer[o] = c
    ordered[o] = today
    status[o] = "open"
    say("INSERT INTO orders (id, customer_id, ordered_at, status, total, shipped_on, remark) VALUES (" o ", " c ", " \
        moment(today) ", 'open', " money(total) ", NULL, " (one_in(4) ? text(remarks[random(remark_count)]) : "NULL") ")")
    for (i = 1; i <= k; i++) say(sql[i])
    for (i = 1; i <= k; i++) {
        p = line_product[o, i]
        q = line_quantity[o, i]
        if (on_hand[p] < q) {
            on_hand[p] += 250
            say("UPDATE stock SET on_hand = on_hand + 250, counted_at = " moment(today) " WHERE product_id = " p)
        }
        on_hand[p] -= q
        say("UPDATE stock SET on_hand = on_hand - " q " WHERE product_id = " p)
    }
    say("UPDATE customers SET last_order = " day(today) " WHERE id = " c)
    commit()
}
function take_payments(  n, o, done) {
    done = 0
    n = 2 + random(4)
    for (o = first_open; o <= orders && done < n; o++) {
        if (status[o] != "open" || one_in(6)) continue
        status[o] = "paid"
        done++
        say("INSERT INTO payments (id, order_id, paid_at, amount, method, reference) VALUES (" ++payments ", " o ", " moment(today) \
            ", " money(amount[o]) ", " text(methods[random(3)]) ", " (one_in(3) ? "NULL" : sprintf("'RF%06d-%02d'", o * 7919 % 1000000, payments % 97)) ")")
        say("UPDATE orders SET status = 'paid' WHERE id = " o)
        say("UPDATE customers SET credit_limit = credit_limit + 12.50 WHERE id = " customer[o])
    }
    while (first_open <= orders && status[first_open] != "open") first_open++
    commit()
}
function cancel(  o, i, tries) {
    for (tries = 0; tries < 20; tries++) {
        o = 1 + random(orders)
        if (status[o] == "open") break
    }
    if (status[o] != "open") return
    status[o] = "cancelled"
    say("DELETE FROM order_lines WHERE order_id = " o)
    say("DELETE FROM attachments WHERE order_id = " o)
    for (i = 1; i <= lines[o]; i++) {
        on_hand[line_product[o, i]] += line_quantity[o, i]
        say("UPDATE stock SET on_hand = on_hand + " line_quantity[o, i] " WHERE product_id = " line_product[o, i])
    }
    say("UPDATE orders SET status = 'cancelled', total = 0, remark = " text(reasons[random(reason_count)]) " WHERE id = " o)
    commit()
}
function ship(  o, n) {
    say("UPDATE orders SET status = 'shipped', shipped_on = " day(today) " WHERE status = 'paid' AND ordered_at < " day(today))
    n = 0
    for (o = 1; o <= orders; o++) {
        if (status[o] != "paid" || ordered[o] >= today) continue
        status[o] = "shipped"
        if (n++ >= 8) continue
        say("INSERT INTO attachments (id, order_id, file_name, media_type, content, added_on) VALUES (" ++attachments ", " o ", " \
            text("Lieferschein-" o (one_in(2) ? "–ä" : "") ".pdf") ", 'application/pdf', " bytes(one_in(12) ? 1500 : 16 + random(48)) ", " day(today) ")")
    }
    say("INSERT INTO attachments (id, order_id, file_name, media_type, content, added_on) VALUES (" ++attachments ", " 1 + random(orders) \
        ", 'empty.txt', 'text/plain', X'', " day(today) ")")
    say("UPDATE stock SET counted_at = " moment(today) " WHERE on_hand < reorder_at + 100")
    say("DELETE FROM attachments WHERE media_type = 'text/plain' AND added_on < " day(today > 3 ? today - 3 : 0))
    say("UPDATE customers SET note = NULL WHERE note = 'new' AND last_order IS NOT NULL")
    commit()
}
function review(  p, c) {
    p = 1 + random(products)
    active[p] = 0
    say("UPDATE products SET active = 0 WHERE id = " p)
    say("UPDATE products SET price = ROUND(price + 0.15, 2) WHERE category = " text(categories[random(category_count)]) " AND active = 1")
    say("UPDATE stock SET reorder_at = reorder_at + 1 WHERE on_hand < reorder_at")
    add_product()
    add_customer()
    c = 1 + random(customers)
    say("UPDATE customers SET name = " text(names[random(name_count)]) ", city = " text(cities[random(city_count)]) " WHERE id = " c)
    say("UPDATE customers SET note = 'new' WHERE last_order IS NULL AND note IS NULL")
    commit()
}
function trade(until) {
    while (statements < until) {
        today++
        take_order(); take_order(); take_order(); take_order()
        take_payments()
        if (one_in(2)) cancel()
        take_order(); take_order()
        take_payments()
        ship()
        if (today % 4 == 0) review()
    }
}

BEGIN {
    seed = 20240301
    split("31 30 31 30 31 31 30 31 30 31 31 28", d, " ")
    for (i = 1; i <= 12; i++) days[i - 1] = d[i]
    name_count = split("Aino Mäkelä|Jürgen Groß|陳美玲|Zoë O'Connor|Мария Иванова|فاطمة الزهراء|Nguyễn Thị Hoa|Łukasz Wójcik|Şeyma Yıldız|Δήμητρα Παππά|田中由美|김서연|Renée Côté|Þóra Jónsdóttir|शांति देवी|Ana \"Nita\" Muñoz|Bob", d, "|")
    for (i = 1; i <= name_count; i++) names[i - 1] = d[i]
    city_count = split("Zürich|København|Kraków|São Paulo|Αθήνα|東京|L'Aquila|Reykjavík|München", d, "|")
    for (i = 1; i <= city_count; i++) cities[i - 1] = d[i]
    category_count = split("tea|coffee|crockery|spices", d, "|")
    for (i = 1; i <= category_count; i++) categories[i - 1] = d[i]
    good_count = split("Oolong 烏龍|Café crème|Teekanne „Ida“|Ras el-Hanout|Matcha 抹茶|Yerba maté|Naïve Becher", d, "|")
    for (i = 1; i <= good_count; i++) goods[i - 1] = d[i]
    remark_count = split("bitte klingeln; 2. Stock|it's a gift 🎁|no substitutes -- please|第2門|ASAP /* really */|first line\nsecond line", d, "|")
    for (i = 1; i <= remark_count; i++) remarks[i - 1] = d[i]
    reason_count = split("customer's wish|out of stock|doppelt bestellt", d, "|")
    for (i = 1; i <= reason_count; i++) reasons[i - 1] = d[i]
    methods[0] = "card"; methods[1] = "cash"; methods[2] = "transfer"
    first_open = 1

    print "-- Order entry: written by generate.awk, see there.\n"
    part(1, "the shop is set up, and trades")
    for (i = 0; i < 60; i++) { add_customer(); if (i % 15 == 14) commit() }
    for (i = 0; i < 40; i++) { add_product(); if (i % 8 == 7) commit() }
    trade(900)
    part(2, "trade goes on")
    trade(1300)
    part(3, "and on")
    trade(1800)
    part(4, "and on")
    trade(2300)
    print "-- " statements " statements in " transactions " transactions"
}
