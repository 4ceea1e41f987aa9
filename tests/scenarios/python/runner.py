"""The Python runner: takes commands of scenarios on standard input and answers on standard output."""

from __future__ import annotations

import datetime as dt
import gc
import io
import struct
import sys
import threading
import time
import uuid
import zlib
from decimal import Decimal
from urllib.parse import quote_from_bytes, unquote

import twinpool
from twinpool import _abi

NAMES = {v: n for n, v in vars(_abi).items() if n.startswith("TWIN_ERR_") or n in ("TWIN_OK", "TWIN_QUEUED", "TWIN_DONE")}


def clock(hour, minute, second, nanosecond):
    text = f"{hour:02}:{minute:02}:{second:02}"
    return text + f".{nanosecond:09}".rstrip("0") if nanosecond else text


def show(value):
    """A value as the text of a scenario."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"bool:{int(value)}"
    if isinstance(value, int):
        return f"int:{value}"
    if isinstance(value, float):
        return f"double:#{struct.pack('>d', value).hex()}"
    if isinstance(value, Decimal):
        return f"decimal:{value:f}"
    if isinstance(value, str):
        safe = "".join(chr(c) for c in range(33, 127) if c != 37)
        return "text:" + "".join(c if ord(c) > 127 else quote_from_bytes(c.encode(), safe=safe) for c in value)
    if isinstance(value, bytes):
        return f"bytes:{value.hex()}"
    if isinstance(value, (dt.datetime, twinpool.Timestamp)):
        nanosecond = value.nanosecond if isinstance(value, twinpool.Timestamp) else value.microsecond * 1000
        time = clock(value.hour, value.minute, value.second, nanosecond)
        return f"timestamp:{value.year:04}-{value.month:02}-{value.day:02}T{time}"
    if isinstance(value, (dt.date, twinpool.Date)):
        return f"date:{value.year:04}-{value.month:02}-{value.day:02}"
    if isinstance(value, twinpool.Time):
        return f"time:{'-' if value.negative else ''}{clock(value.hour, value.minute, value.second, value.nanosecond)}"
    if isinstance(value, dt.time):
        return f"time:{clock(value.hour, value.minute, value.second, value.microsecond * 1000)}"
    if isinstance(value, dt.timedelta):
        span = abs(value)
        seconds = span.days * 86400 + span.seconds
        sign = "-" if value < dt.timedelta(0) else ""
        return f"time:{sign}{clock(seconds // 3600, seconds // 60 % 60, seconds % 60, span.microseconds * 1000)}"
    return f"uuid:{value}"


def read_clock(text):
    whole, _, part = text.partition(".")
    return [*map(int, whole.split(":"))], int(part.ljust(9, "0")) if part else 0


def read(word):
    """The text of a scenario as a value."""
    kind, _, text = word.partition(":")
    if kind == "null":
        return None
    if kind == "bool":
        return text == "1"
    if kind == "int":
        return int(text)
    if kind == "double":
        return float(text)
    if kind == "decimal":
        return Decimal(text)
    if kind == "text":
        return unquote(text)
    if kind == "bytes":
        return bytes.fromhex(text)
    if kind == "uuid":
        return uuid.UUID(text)
    if kind == "date":
        return dt.date(*map(int, text.split("-")))
    if kind == "time":
        negative = text.startswith("-")
        (hour, minute, second), nanosecond = read_clock(text.lstrip("-"))
        if nanosecond % 1000:
            return twinpool.Time(hour, minute, second, negative, nanosecond)
        span = dt.timedelta(hours=hour, minutes=minute, seconds=second, microseconds=nanosecond // 1000)
        return -span if negative else span if hour > 23 else dt.time(hour, minute, second, nanosecond // 1000)
    if kind == "timestamp":
        date, _, time = text.partition("T")
        (hour, minute, second), nanosecond = read_clock(time)
        parts = [*map(int, date.split("-")), hour, minute, second]
        if nanosecond % 1000:
            return twinpool.Timestamp(*parts, nanosecond)
        return dt.datetime(*parts, nanosecond // 1000)
    raise ValueError(f"no value: {word}")


class Repeated(io.BytesIO):
    """Bytes again and again, three at a time where they are few."""

    def __init__(self, data, times):
        super().__init__(data * times)
        self.most = 3 if len(data) * times < 1000 else len(data) * times

    def read(self, size=-1):
        return super().read(min(size, self.most))


def checksum(rows, row, column, size):
    """The length and the checksum of a value that is read in pieces."""
    length = crc = 0
    while True:
        piece = rows.read(row, column, length, size)
        if not piece:
            return f"{length}:{crc:08x}"
        length += len(piece)
        crc = zlib.crc32(piece, crc)


class Runner:
    def __init__(self):
        self.objects = {}
        self.heard = {}
        self.threads = {}
        self.answers = {}
        self.message = ""

    def answer(self, line):
        """The lines that answer a command."""
        try:
            return self.run(line, line.split())
        except twinpool.Error as e:
            self.message = str(e).partition(": ")[2]
            return [
                f"= {e.name} side={e.side} sqlstate={e.sqlstate or '-'} native={e.native_code} "
                f"retryable={int(e.retryable)} unknown={int(e.outcome_unknown)}"
            ]

    def options(self, words):
        pairs = (word.partition("=") for word in words)
        return {key: unquote(value) for key, _, value in pairs}

    def rows(self, rows):
        with rows:
            if not rows.columns:
                return [f"= {NAMES[rows.status]} affected={rows.affected}"]
            lines = ["row " + " ".join(map(show, row)) for row in rows]
            return [*lines, f"= TWIN_OK rows={len(lines)}"]

    def pieces(self, rows, size):
        lines = []
        with rows:
            for block in rows.blocks():
                for number, row in enumerate(block):
                    shown = (
                        "null" if value is None else checksum(rows, number, column, size)
                        for column, value in enumerate(row)
                    )
                    lines.append("row " + " ".join(shown))
        return [*lines, f"= TWIN_OK rows={len(lines)}"]

    def fill(self, conn, table, first, last):
        with conn.prepare(f"INSERT INTO {table}(id, n) VALUES (?, ?)") as stmt:
            for i in range(int(first), int(last) + 1):
                stmt.execute((i, i * 10))

    def churn(self, conn, count, sql):
        for _ in range(int(count)):
            with conn.prepare(sql) as stmt, stmt.execute() as rows:
                rows.next_block()

    def reopen(self, count, words):
        for _ in range(int(count)):
            with twinpool.Pool(self.options(words)):
                pass

    def batch(self, stmt, words):
        rows = [[]]
        for word in words:
            if word == "/":
                rows.append([])
            else:
                rows[-1].append(read(word))
        done = stmt.execute_batch(rows)
        lines = []
        for i, (status, affected) in enumerate(zip(done.statuses, done.affected)):
            why = f" sqlstate={done.errors[i].sqlstate}" if i in done.errors else ""
            lines.append(f"item {NAMES[status]} {affected}{why}")
        return [*lines, f"= {NAMES[done.status]} failed={len(done.errors)}"]

    def run(self, line, words):
        verb, name = words[0], words[1] if len(words) > 1 else ""
        it = self.objects.get(name)
        third = words[2] if len(words) > 2 else ""
        rest = line.split(" ", 3)
        times = int(words[4]) if verb in ("put", "stream") and len(words) > 4 else 1
        status = 0

        def yes(flag):
            return ["= yes" if flag else "= no"]

        if verb == "abi":
            return [f"= {twinpool.load().twin_abi_version()}"]
        if verb == "live":
            return [f"= {twinpool.live_handles()}"]
        if verb == "collect":
            gc.collect()
            return ["= done"]
        if verb == "message":
            return [f"= {self.message}"]
        if verb == "state":
            return [f"= {it.status().mirror_state}"]
        if verb == "queue":
            with it.queue_list(1000) as rows:
                return [f"= {len(rows.fetchall())}"]
        if verb == "verify":
            return self.rows(it.verify())
        if verb == "get":
            return [f"= {it.get(third)}"]
        if verb == "heard":
            return yes(third in self.heard[name])
        if verb == "outcome":
            return [f"= {NAMES[it.last_outcome]}"]
        if verb == "direct":
            return yes(it.is_direct)
        if verb == "in_transaction":
            return yes(it.in_transaction)
        if verb == "valid":
            return yes(it.is_valid(5))
        if verb == "columns":
            parameters, columns = it.describe()
            return [*(f"column {c.name}" for c in columns), f"= parameters={parameters}"]
        if verb == "figure":
            return [f"= {it.metrics()[third]}"]
        if verb == "metrics":
            return yes("twinpool_" in it.metrics_text())
        if verb == "key":
            return [f"= {'none' if it.generated_key is None else it.generated_key}"]
        if verb == "batch":
            return self.batch(it, words[2:])
        if verb == "pieces":
            return self.pieces(it.execute(rest[3]), int(third))
        if verb == "run":
            return self.rows(it.execute(line.split(" ", 2)[2]))
        if verb == "execute":
            return self.rows(it.execute([read(word) for word in words[2:]]))
        if verb == "open":
            self.objects[name] = twinpool.Pool(self.options(words[2:]))
        elif verb in ("acquire", "reader"):
            timeout = int(words[3]) / 1000 if len(words) > 3 else None
            self.objects[name] = self.objects[third].acquire(timeout, read=verb == "reader")
        elif verb == "prepare":
            self.objects[name] = self.objects[third].prepare(rest[3])
        elif verb == "commit":
            status = it.commit()
        elif verb in ("close", "release", "abort", "begin", "rollback", "resume", "detach", "attach", "evict"):
            getattr(it, verb)()
        elif verb in ("savepoint", "rollback_to", "release_savepoint"):
            getattr(it, verb)(third)
        elif verb == "isolation":
            it.isolation = third
        elif verb == "read_only":
            it.read_only = third == "on"
        elif verb == "autocommit":
            it.autocommit = third == "on"
        elif verb == "set":
            it.set(third, words[3])
        elif verb == "replay":
            it.replay(int(third) / 1000)
        elif verb == "suspend":
            it.suspend(fail_fast=True)
        elif verb == "keys":
            it.set_generated_keys(third == "on")
        elif verb == "put":
            value = read(words[3])
            for _ in range(times):
                it.put(int(third), value)
        elif verb == "stream":
            value = read(words[3])
            text = isinstance(value, str)
            it.bind_stream(int(third), Repeated(value.encode() if text else value, times), text=text)
        elif verb == "listen":
            heard = self.heard[name] = set()
            it.listen(lambda event: heard.add(event.kind))
        elif verb == "fill":
            self.fill(it, *words[2:5])
        elif verb == "churn":
            self.churn(it, third, rest[3])
        elif verb == "reopen":
            self.reopen(name, words[2:])
        elif verb == "cancel":
            self.cancel(it.cancel_token(), third)
        elif verb in ("free", "drop"):
            # What has no name any more dies; the object itself is what a C program frees.
            it = None
            self.objects[name] = None
        elif verb == "end":
            it.close()
        elif verb == "background":
            self.background(name, line.split(" ", 2)[2])
            return ["= started"]
        elif verb == "join":
            self.threads.pop(name).join()
            return self.answers.pop(name)
        else:
            return [f"= no command {verb}"]
        return [f"= {NAMES[status]}"]

    def cancel(self, token, name):
        """Once, or again and again until a thread has ended: what is to be met may not have begun yet."""
        token.request()
        while name and self.threads[name].is_alive():
            token.request()
            time.sleep(0.02)

    def background(self, name, line):
        def work():
            self.answers[name] = self.answer(line)

        self.threads[name] = threading.Thread(target=work)
        self.threads[name].start()


def main():
    try:
        twinpool.load()
    except twinpool.LibraryError as error:
        print(error)
        return 1
    runner = Runner()
    print("= ready", flush=True)
    for line in sys.stdin:
        print("\n".join(runner.answer(line.rstrip("\n"))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
