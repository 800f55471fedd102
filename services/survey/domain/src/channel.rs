//! Ways by which customers are asked and answer.

/// A channel; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum Channel {
    /// A personal link.
    PersonalLink = 1,
    /// An open link.
    OpenLink = 2,
    /// A QR code.
    QrCode = 3,
    /// An e-mail sent by a partner.
    Email = 4,
    /// A text message sent by a partner.
    Sms = 5,
    /// A telephone interview.
    Phone = 6,
    /// A visit.
    Visit = 7,
    /// A meeting with customers.
    Meeting = 8,
    /// A terminal.
    Terminal = 9,
    /// A paper form.
    Paper = 10,
    /// A file of answers collected elsewhere.
    Import = 11,
}

const ALL: [Channel; 11] = [
    Channel::PersonalLink,
    Channel::OpenLink,
    Channel::QrCode,
    Channel::Email,
    Channel::Sms,
    Channel::Phone,
    Channel::Visit,
    Channel::Meeting,
    Channel::Terminal,
    Channel::Paper,
    Channel::Import,
];

impl Channel {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        ALL.into_iter().find(|channel| *channel as i32 == number)
    }

    /// Whether somebody else hands its invitations over.
    pub fn is_sent(self) -> bool {
        matches!(self, Self::PersonalLink | Self::Email | Self::Sms)
    }

    /// Whether an operator asks in person.
    pub fn is_by_operator(self) -> bool {
        matches!(self, Self::Phone | Self::Visit | Self::Meeting)
    }

    /// Whether invitations of single customers go by it.
    pub fn is_personal(self) -> bool {
        self.is_sent() || self.is_by_operator()
    }

    /// Whether an open link can belong to it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::OpenLink | Self::QrCode | Self::Terminal | Self::Meeting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_contract_is_a_channel() {
        for number in 1..=11 {
            assert_eq!(Channel::from_number(number).map(|c| c as i32), Some(number));
        }
        assert_eq!(Channel::from_number(0), None);
        assert_eq!(Channel::from_number(12), None);
    }
}
