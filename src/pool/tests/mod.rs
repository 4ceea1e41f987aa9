//! The pool's behaviour, on a stub whose sessions delay, fail, die and panic to order.

mod ageing;
mod crowd;
mod failing;
mod model;
mod stub;
mod using;
