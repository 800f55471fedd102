//! What the contract says about a field beyond its type.

use prost_reflect::FieldDescriptor;
use proto::common::v1::FieldRule;

/// The rule of a field; empty where there is none.
pub fn of(field: &FieldDescriptor) -> FieldRule {
    let options = field.options();
    let rule = options
        .extensions()
        .find(|(extension, _)| extension.full_name() == "manyi.common.v1.field")
        .and_then(|(_, value)| value.as_message()?.transcode_to::<FieldRule>().ok());
    rule.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn limits_of_the_contract_are_readable() {
        let pool = proto::methods::pool();
        let message = pool.get_message_by_name("manyi.auth.v1.CreateUnitRequest").unwrap();
        let field = message.get_field_by_name("request_id").unwrap();
        assert_eq!(super::of(&field).max_len, 64);
        assert!(super::of(&message.get_field_by_name("unit").unwrap()).required);
    }
}
