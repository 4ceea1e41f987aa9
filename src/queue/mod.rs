//! `invocation_queue`: the mirror's share of transactions while it is away.
