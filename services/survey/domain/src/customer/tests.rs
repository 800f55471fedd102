//! What must hold, by example and at random.

use super::*;

fn customer() -> Customer {
    Customer {
        id: Uuid::from_u128(1),
        org: Uuid::nil(),
        unit: Uuid::nil(),
        class: class_id(Uuid::nil(), "external"),
        competitor: None,
        state: State::Active,
        merged_into: None,
        importance: 1.0,
        language: String::new(),
        since: None,
        contact_every_days: 0,
        attributes: BTreeMap::new(),
        preferences: Preferences::default(),
        consents: Consents::default(),
        activity: Activity::default(),
        legal_hold: false,
        sealed: Sealed::default(),
        hashes: Hashes::default(),
        version: 1,
        create_us: 0,
        change_us: 0,
    }
}

fn person(name: &str) -> Personal {
    Personal { display_name: name.to_owned(), ..Personal::default() }
}

#[test]
fn a_customer_needs_something_to_be_known_by() {
    assert!(check(&customer(), &mut Personal::default()).is_err());
    assert!(check(&customer(), &mut person("李雷")).is_ok());
    let mut phone = Personal { phone: "13800138000".to_owned(), ..Personal::default() };
    assert!(check(&customer(), &mut phone).is_ok());
}

#[test]
fn fields_out_of_range_are_refused() {
    let refused = |customer: Customer, mut personal: Personal| {
        check(&customer, &mut personal).expect_err("is wrong").to_string()
    };
    let good = || person("a");
    for (text, personal) in [
        ("phone", Personal { phone: "12".to_owned(), ..good() }),
        ("email", Personal { email: "a@b".to_owned(), ..good() }),
        ("birthday", Personal { birthday: "2023-02-29".to_owned(), ..good() }),
        ("birthday", Personal { birthday: "--02-30".to_owned(), ..good() }),
        ("displayName", person("a\nb")),
    ] {
        assert!(refused(customer(), personal).starts_with(text), "{text}");
    }
    for (text, customer) in [
        ("importance", Customer { importance: 1_000.5, ..customer() }),
        ("importance", Customer { importance: f64::NAN, ..customer() }),
        ("contactEveryDays", Customer { contact_every_days: -1, ..customer() }),
        ("language", Customer { language: "zh_CN".to_owned(), ..customer() }),
    ] {
        assert!(refused(customer, good()).starts_with(text), "{text}");
    }
}

#[test]
fn birthdays_have_one_form() {
    assert_eq!(birthday("1990/3/8").as_deref(), Ok("1990-03-08"));
    assert_eq!(birthday("--2-29").as_deref(), Ok("--02-29"));
    assert_eq!(birthday("").as_deref(), Ok(""));
    let born = Personal { birthday: "1990-03-08".to_owned(), ..person("Li Lei") };
    assert_eq!(born.birth_day_key().as_deref(), Some("03-08"));
    assert_eq!(born.name_birthday_key().as_deref(), Some("li lei|1990-03-08"));
    let no_year = Personal { birthday: "--03-08".to_owned(), ..person("Li Lei") };
    assert_eq!(no_year.birth_day_key().as_deref(), Some("03-08"));
    assert_eq!(no_year.name_birthday_key(), None);
}

#[test]
fn a_merge_fills_what_is_missing_and_adds_up() {
    let mut stay = customer();
    stay.activity = Activity { purchase_count: 2, purchase_cents: 500, ..Activity::default() };
    stay.activity.first_purchase_us = Some(10);
    let mut other = customer();
    other.activity = Activity { purchase_count: 1, purchase_cents: 70, ..Activity::default() };
    other.activity.first_purchase_us = Some(5);
    other.preferences.do_not_contact = true;
    other.attributes.insert("size".to_owned(), "7".to_owned());
    let theirs = Personal { phone: "13800138000".to_owned(), ..person("B") };
    let merged = merge(stay, person("A"), &other, &theirs);
    assert_eq!(merged.personal.display_name, "A");
    assert_eq!(merged.personal.phone, "13800138000");
    assert_eq!(merged.taken, ["phone", "attributes.size"]);
    assert_eq!(merged.customer.activity.purchase_count, 3);
    assert_eq!(merged.customer.activity.purchase_cents, 570);
    assert_eq!(merged.customer.activity.first_purchase_us, Some(5));
    assert!(merged.customer.preferences.do_not_contact);
}

#[test]
fn a_merge_never_widens_a_consent_that_was_withdrawn() {
    let of = |purposes: &[Purpose]| {
        let given = purposes.iter().fold(Consents::default(), |c, p| c.with(*p, true));
        Customer { consents: given, ..customer() }
    };
    let merged = |a: &[Purpose], b: &[Purpose]| -> Vec<Purpose> {
        let merged = merge(of(a), person("a"), &of(b), &person("b"));
        merged.customer.consents.purposes().collect()
    };
    assert_eq!(merged(&[Purpose::Survey], &[Purpose::Survey]), [Purpose::Survey]);
    assert_eq!(merged(&[Purpose::Survey], &[Purpose::Care]), []);
}

#[test]
fn regular_contacts_follow_the_last_one() {
    let mut regular = Customer { contact_every_days: 30, create_us: 1, ..customer() };
    assert_eq!(regular.next_contact_us(), Some(1 + 30 * DAY_US));
    regular.activity.last_contact_us = Some(5 * DAY_US);
    assert_eq!(regular.next_contact_us(), Some(35 * DAY_US));
    regular.state = State::Retired;
    assert_eq!(regular.next_contact_us(), None);
}

#[test]
fn built_in_classes_have_the_same_ids_everywhere() {
    let org = Uuid::from_u128(9);
    let ids: Vec<Uuid> = Class::built_in(org).map(|class| class.id).collect();
    assert_eq!(ids[1], class_id(org, "external"));
    assert_ne!(class_id(org, "external"), class_id(Uuid::nil(), "external"));
    assert!(Class::built_in(org).all(|class| class.is_built_in() && class.check().is_ok()));
}
