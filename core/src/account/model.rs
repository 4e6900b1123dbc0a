//! Accounts, roles, scopes, and a sign-up that has been checked.

use chrono::{DateTime, Utc};

use super::password::Password;
use crate::email::EmailAddress;
use crate::error::{Error, Result, Violations};
use crate::ids::AccountId;
use crate::{phone, text};

/// A person or program that books.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// Lower-cased.
    pub email: String,
    /// As written.
    pub first_name: String,
    /// As written.
    pub last_name: String,
    /// E.164, when given.
    pub phone: Option<String>,
    /// What the person may do.
    pub role: Role,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When its owner proved to read the mails to its address.
    pub email_verified_at: Option<DateTime<Utc>>,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Books for themselves.
    Traveller,
    /// Books for the customers of an agency.
    Agent,
    /// Runs catalogue, coupons and bookings.
    Staff,
    /// Also runs users and roles.
    Admin,
}

impl Role {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traveller => "traveller",
            Self::Agent => "agent",
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }

    /// What a person of this role may do in a session.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Traveller | Self::Agent => &[Scope::Search, Scope::Bookings],
            Self::Staff => &[
                Scope::Search,
                Scope::Bookings,
                Scope::Refunds,
                Scope::Catalogue,
            ],
            Self::Admin => Scope::ALL,
        }
    }

    /// Whether it works for who runs this deployment.
    pub const fn is_staff(self) -> bool {
        match self {
            Self::Traveller | Self::Agent => false,
            Self::Staff | Self::Admin => true,
        }
    }

    /// The role of a name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        [Self::Traveller, Self::Agent, Self::Staff, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == raw)
    }
}

/// What an API key or a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Look at places, flights and offers.
    Search,
    /// Hold, book, pay, cancel and read one's own bookings.
    Bookings,
    /// Run the inventory.
    Admin,
    /// Cancel for a traveller, waive what the fare would keep, and look after refunds that failed.
    Refunds,
    /// Change what is sold and by which rules.
    Catalogue,
}

impl Scope {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Search,
        Self::Bookings,
        Self::Admin,
        Self::Refunds,
        Self::Catalogue,
    ];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Bookings => "bookings",
            Self::Admin => "admin",
            Self::Refunds => "refunds",
            Self::Catalogue => "catalogue",
        }
    }

    /// The scope of a name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.as_str() == raw)
    }
}

/// A sign-up as it came in.
#[derive(Debug)]
pub struct Details {
    /// Any case.
    pub email: String,
    /// In clear.
    pub password: String,
    /// As written.
    pub first_name: String,
    /// As written.
    pub last_name: String,
    /// As people write it, with its country code.
    pub phone: Option<String>,
}

/// A sign-up whose fields have all been checked.
#[derive(Debug)]
pub struct SignUp {
    email: String,
    password: Password,
    first_name: String,
    last_name: String,
    phone: Option<String>,
}

impl SignUp {
    /// Checks every field. Takes milliseconds: judging a password is work.
    ///
    /// Errors: [`Error::Invalid`] with every wrong field.
    pub fn parse(details: Details) -> Result<Self> {
        let mut wrong = Violations::new();
        let email = EmailAddress::parse(&details.email)
            .map(|email| email.as_str().to_ascii_lowercase())
            .map_err(|message| wrong.add("email", "email", message))
            .unwrap_or_default();
        let first_name = name(&mut wrong, "first_name", &details.first_name);
        let last_name = name(&mut wrong, "last_name", &details.last_name);
        let phone = details.phone.as_deref().and_then(|raw| {
            phone::parse(raw)
                .map_err(|message| wrong.add("phone", "phone", message))
                .ok()
        });
        let password = Password::parse(details.password, &[&email, &first_name, &last_name])
            .map_err(|(code, message)| wrong.add("password", code, message));
        wrong.into_result()?;
        let password = password.map_err(|()| Error::Invalid(Vec::new()))?;
        Ok(Self {
            email,
            password,
            first_name,
            last_name,
            phone,
        })
    }

    /// Lower-cased.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The password, to be hashed before the transaction begins.
    pub fn password(&self) -> &Password {
        &self.password
    }

    /// Trimmed.
    pub fn first_name(&self) -> &str {
        &self.first_name
    }

    /// Trimmed.
    pub fn last_name(&self) -> &str {
        &self.last_name
    }

    /// E.164.
    pub fn phone(&self) -> Option<&str> {
        self.phone.as_deref()
    }
}

/// A name of 1 to 100 visible characters in any script, without surrounding blanks: of a person or of a key.
pub(super) fn name(wrong: &mut Violations, field: &str, raw: &str) -> String {
    text::one_line(raw, 100)
        .map_err(|(code, message)| wrong.add(field, code, message))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_of_a_sign_up_is_named_at_once() {
        let details = Details {
            email: "nobody".to_owned(),
            password: "short".to_owned(),
            first_name: " ".to_owned(),
            last_name: "\u{7}".to_owned(),
            phone: Some("12".to_owned()),
        };
        let Err(Error::Invalid(wrong)) = SignUp::parse(details) else {
            panic!("accepted");
        };
        let fields: Vec<_> = wrong.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(
            fields,
            ["email", "first_name", "last_name", "phone", "password"]
        );
    }

    #[test]
    fn a_sign_up_keeps_what_the_relay_and_the_network_can_carry() {
        let details = |email: &str, first_name: &str| Details {
            email: email.to_owned(),
            password: "correct horse battery".to_owned(),
            first_name: first_name.to_owned(),
            last_name: "Lovelace".to_owned(),
            phone: Some("+91 98765-43210".to_owned()),
        };
        let sign_up = SignUp::parse(details(" Zoe@Exämple.com", "Zoë ")).unwrap();
        assert_eq!(sign_up.email(), "zoe@xn--exmple-cua.com");
        assert_eq!(
            (sign_up.first_name(), sign_up.phone()),
            ("Zoë", Some("+919876543210"))
        );
        let refused = SignUp::parse(details("zoë@example.com", "Z\u{202e}oe"));
        let Err(Error::Invalid(wrong)) = refused else {
            panic!("accepted");
        };
        let codes: Vec<_> = wrong
            .iter()
            .map(|wrong| (wrong.field.as_str(), wrong.code))
            .collect();
        let expected = [("email", "email"), ("first_name", "invisible_character")];
        assert_eq!(codes, expected);
    }
}
