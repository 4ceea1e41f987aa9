//! Keys captured.
use crate::value::Value;
#[derive(Clone, Debug)]
pub struct KeyPlan {
    pub select: String,
    pub select_params: Vec<usize>,
    pub key_columns: usize,
}
impl KeyPlan {
    pub fn statement(&self, _keys: &[Vec<Value>], _params: &[Value]) -> Vec<(String, Vec<Value>)> {
        Vec::new()
    }
}
