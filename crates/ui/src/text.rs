//! Every text that a person reads, in one place, so that another language is one more table.

use std::fmt;

/// One text, with `{name}` where a value belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(&'static str);

/// A text with values for its places.
#[derive(Debug, Clone)]
pub struct Filled {
    text: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Text {
    /// Fills the place `{name}`.
    pub fn with(self, name: &'static str, value: impl fmt::Display) -> Filled {
        Filled { text: self.0, values: Vec::new() }.with(name, value)
    }

    /// The text before and after the place `{name}`, where markup has to stand in it.
    pub fn around(self, name: &str) -> (&'static str, &'static str) {
        self.0.split_once(&format!("{{{name}}}")).unwrap_or((self.0, ""))
    }
}

impl Filled {
    /// Fills another place.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Filled {
    /// One pass over the text: a value that looks like a place is not filled again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        while let Some((before, after)) = rest.split_once('{') {
            f.write_str(before)?;
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            f.write_str(self.value(name).unwrap_or_default())?;
            rest = after;
        }
        f.write_str(rest)
    }
}

macro_rules! catalogue {
    ($($name:ident: $english:literal,)*) => {
        /// Every text of every page. A language is a value of this type, so none can be forgotten.
        #[derive(Debug)]
        pub struct Catalogue {
            $(#[doc = $english] pub $name: Text,)*
        }

        /// English.
        pub const ENGLISH: Catalogue = Catalogue { $($name: Text($english),)* };

        /// Every text of [`ENGLISH`] by name.
        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$((stringify!($name), $english),)*];
    };
}

catalogue! {
    // The frame.
    product: "Prokura",
    skip: "Skip to the content",
    dev_banner: "Development mode",
    dev_banner_more: "This server may sign people in and agree by itself. Never use it with real data.",
    signed_in_as: "Signed in as {name}",
    account: "Account",
    sign_out: "Sign out",
    reference: "Reference",
    and: "and",

    // What is permitted, needs attention, is refused: each has its word.
    word_done: "Done",
    word_attention: "Attention",
    word_refused: "Refused",

    // Time.
    now: "just now",
    minutes_ago_one: "1 minute ago",
    minutes_ago: "{n} minutes ago",
    hours_ago_one: "1 hour ago",
    hours_ago: "{n} hours ago",
    days_ago_one: "1 day ago",
    days_ago: "{n} days ago",
    in_moments: "in a moment",
    in_minutes_one: "in 1 minute",
    in_minutes: "in {n} minutes",
    in_hours_one: "in 1 hour",
    in_hours: "in {n} hours",
    in_days_one: "in 1 day",
    in_days: "in {n} days",
    never: "never",

    // Sign in.
    sign_in_title: "Sign in",
    sign_in_lead: "to your account at {host}",
    sign_in_asked_by: "{client} wants to use {resource} for you. First, say who you are.",
    sign_in_asked_unknown: "This name is the software's own. The next page says who it is.",
    passkey_use: "Sign in with a passkey",
    passkey_hint: "Your fingerprint, face or screen lock. Nothing to remember.",
    passkey_needs_script: "Passkeys need JavaScript, which is off in this browser. Turn it on for this page to use one.",
    or_password: "or with your password",
    or_provider: "or where you have an account already",
    provider_use: "Sign in with {provider}",
    login: "User name",
    password: "Password",
    sign_in_go: "Sign in",
    sign_in_elsewhere: "Were you sent here by a message or a link you did not expect? Close this page: nothing has happened yet.",
    wrong_credentials: "That user name and password do not belong together. Check both and try again.",
    wrong_passkey: "That passkey was not accepted. Try again, or sign in another way.",
    second_title: "Your second factor",
    second_lead: "The password is right. Now the code that your authenticator application shows.",
    second_code: "Code",
    second_hint: "Six digits; each works once. If you lost the application, type one of your recovery codes.",
    wrong_code: "That code is not right, or was used before. Wait for the next one, and see that the clock of your device is right.",
    enrol_title: "Set up one-time codes",
    enrol_lead: "After your password, a code of an authenticator application is asked for from then on. A passkey needs none.",
    enrol_required: "This server asks for a second factor after every password. Set it up once to go on.",
    enrol_qr: "QR code with the secret for your authenticator application",
    enrol_text: "Scan it with the application, or type this secret into it:",
    enrol_hint: "The six digits that the application shows now.",
    enrol_go: "Turn on one-time codes",
    codes_title: "Your recovery codes",
    codes_lead: "Each of them stands in once for your authenticator application. They are shown only now.",
    codes_hint: "Print them, or keep them where you keep passwords: not on the device with the application.",
    codes_go: "I have kept them",
    totp: "One-time codes",
    totp_none: "A password alone opens your account. An authenticator application makes sure that it is you.",
    totp_add: "Set up one-time codes",
    totp_app: "Authenticator application",
    totp_left: "Recovery codes left",
    totp_new_codes: "New recovery codes",
    totp_remove: "Turn off",
    totp_remove_label: "Turn off one-time codes",
    totp_removed: "One-time codes are off. Your password alone opens your account.",
    totp_required: "This server asks for a second factor after every password, so it stays on.",
    password_section: "Password",
    password_none: "You have no password.",
    password_some: "You have a password.",
    password_change: "Change the password",
    password_set: "Set a password",
    new_password_title: "A new password",
    new_password_lead: "Every other browser is signed out by it.",
    old_password: "Password until now",
    new_password: "New password",
    new_password_hint: "At least 12 characters. A few words are better than odd signs.",
    new_password_go: "Change the password",
    new_password_done: "The password was changed, and every other browser was signed out.",
    sessions_end: "Sign out everywhere else",
    sessions_ended: "Every other browser was signed out.",
    way_code: "password and one-time code",
    way_recovery: "password and recovery code",
    again_title: "Sign in again",
    again_lead: "What you are about to change opens or closes your account. Show first that it is still you.",
    provider_any: "the other provider",
    provider_unreachable: "{provider} cannot be reached at this moment. Try again in a minute, or sign in another way.",
    provider_mixed: "The answer did not come from {provider}, so it was not accepted. Sign in again.",
    provider_denied: "You were not signed in at {provider}. Try again, or sign in another way.",
    provider_token: "What {provider} answered could not be verified, so it was not accepted. Try again; if it stays so, tell the operator of this server.",
    provider_stale: "This needs a sign-in made now, and {provider} did not ask you again. Sign out there and try again, or sign in another way.",
    provider_domain: "Only people of certain organisations may come in by {provider}, and your account there is not of one of them.",
    provider_group: "Only people in certain groups may come in by {provider}, and your account there is in none of them.",
    provider_unknown: "Nobody here is known by that account at {provider}. Sign in another way and connect it under “Sign-in and security”, or ask the operator of this server for a link.",
    provider_taken: "There is an account here already that this one at {provider} would belong to. Sign in to it another way, and connect it under “Sign-in and security”.",
    provider_disabled: "Your account here is stopped, so {provider} cannot open it. Ask the operator of this server.",
    slow_down: "There were too many attempts. Try again {when}.",
    busy: "Many people are signing in at this moment. Wait a few seconds and try again.",

    // Consent.
    consent_title: "May {client} use {resource} for you?",
    consent_lead: "Nothing is allowed until you say so. You can take away single permissions first.",
    who_asks: "Who asks",
    who_asks_name: "Calls itself",
    who_asks_id: "Published by",
    who_asks_registered: "Registered as",
    who_asks_answer: "Answer goes to",
    this_computer: "a program on this computer",
    verified: "Verified",
    verified_more: "{host} has published this software's description.",
    configured: "Verified",
    configured_more: "The operator of this server knows this software.",
    unverified: "Not verified",
    unverified_more: "Anybody can register under this name. Go on only if you have just started this yourself.",
    loopback: "Answer stays on this computer",
    loopback_more: "The answer goes to whichever program listens here. Another program could pretend to be {client}. Go on only if you have just started it yourself.",
    chain: "Who acts for whom",
    chain_you: "you",
    chain_agent: "acts for you",
    chain_agent_for: "acts for {name}",
    chain_limit_one: "1 permission",
    chain_limit: "{n} permissions",
    chain_until: "until {when}",
    chain_limit_at: "{limit} at {place}",
    permissions: "What it may do",
    permissions_hint: "Take away what you do not want. Nothing can be added here.",
    permissions_none: "Leave at least one permission, or choose No.",
    permission_actions: "Allows exactly",
    detail_use: "Use {tools}",
    detail_where: "Use {tools}, only where {conditions}",
    test_equals: "{path} is {value}",
    test_one_of: "{path} is one of {values}",
    test_below: "{path} is below {value}",
    test_at_most: "{path} is at most {value}",
    test_above: "{path} is above {value}",
    test_at_least: "{path} is at least {value}",
    test_like: "{path} is like “{value}”, where * stands for anything",
    test_present: "{path} is given",
    test_absent: "{path} is not given",
    test_length_at_most: "{path} is no longer than {value}",
    test_length_at_least: "{path} is no shorter than {value}",
    test_subset: "{path} holds nothing but {values}",
    duration: "For how long",
    resource: "Where",
    change_title: "This changes what you allowed before",
    change_lead: "With Allow, what is left ticked below holds from now on, for as long as you choose there, and nothing else of it.",
    more_title: "You allowed this software something here before",
    more_lead: "It stays allowed. Only what is new is asked, and what you choose for how long holds for all of it.",
    more_lead_again: "It stays allowed. Another program could call itself the same, so all of it is asked again.",
    change_already: "Allowed already",
    change_new: "New",
    change_ends: "Ends at once",
    changed_title: "This software is not what it was",
    changed_lead: "Since you allowed it something, its description has changed. Until you agree again, it gets nothing new.",
    changed_name: "Calls itself",
    changed_answers: "Answers go to",
    changed_method: "Proves who it is by",
    changed_keys: "Its keys",
    changed_home: "Home page at",
    changed_logo: "Picture from",
    changed_before: "before:",
    changed_after: "now:",
    changed_none: "none",
    organisation: "Your organisation allows this",
    organisation_more: "An administrator has agreed for you, so there is nothing to choose. Go on only if you have just started this yourself.",
    organisation_lead: "Your organisation has decided what it may do. You only say whether you go on.",
    organisation_go: "Continue",
    withheld_title: "Left out: your organisation has not allowed it",
    withheld_contact: "Ask {contact} for it. What was asked for is recorded, so they can see it.",
    withheld_contact_none: "Ask the administrators of your organisation for it. What was asked for is recorded, so they can see it.",
    ask_title: "Your organisation decides about this",
    ask_lead: "{client} wants to use {resource} for you, and you cannot allow that yourself.",
    ask_list: "What was asked for",
    ask_back: "Go back without it",
    further: "Through whom",
    further_hint: "These agents may get a part of it to work with, never more than stands here. Switch off whom you do not want.",
    further_most_one: "at most this permission",
    further_most: "at most these {n} permissions",
    further_rule_one: "by a rule of this server, at {resource}, at most 1 permission",
    further_rule: "by a rule of this server, at {resource}, at most {n} permissions",
    chain_part: "gets a part of it",
    budgets: "How much of it",
    undo: "You can undo this at any time, at once, under {account}.",
    undo_link: "Account",
    no: "No",
    allow: "Allow",
    no_more: "With No, nothing is allowed, and the software is told only that.",
    not_me: "Not {name}? Sign in as somebody else",
    hour_one: "1 hour",
    hours: "{n} hours",
    day_one: "1 day",
    days: "{n} days",
    until: "until {when}",

    // A device.
    device_title: "Connect a device",
    device_lead: "Type the code that your device shows.",
    device_code: "Code",
    device_code_hint: "Eight letters, for example WDJB-MJHT. Small letters are as good, and the hyphen may be left out.",
    device_go: "Continue",
    device_caution: "Only from a screen in front of you",
    device_caution_more: "If somebody sent you a code or this address, close the page: they would get the access, not you.",
    device_compare_title: "Does your device show this code?",
    device_compare_lead: "It came with the address that brought you here. Compare every letter with the screen of your device.",
    device_compare_yes: "Yes, my device shows it",
    device_compare_no: "No, it shows another",
    device_wrong: "No device waits with that code. Compare it letter by letter, or start again on the device: a code lasts a few minutes.",
    device_answer: "another device, which shows",
    device_asks: "Another device asks",
    device_asked: "It asked {when}, from {from}.",
    device_asks_more: "Allow only if it is in front of you, shows {code}, and you have just started this there yourself. If somebody sent you the code or an address, choose No: they would get the access, not you.",
    device_near: "That is the network that you use too.",
    device_far: "That is not the network that you use.",
    device_allowed_title: "Go back to your device",
    device_allowed_lead: "It has what it needs, and goes on by itself within seconds. You can close this page.",
    device_refused_title: "Nothing was allowed",
    device_refused_lead: "The device is told only that. You can close this page.",

    // The pause before leaving for an unverified place.
    refused_title: "Nothing was allowed",
    refused_lead: "You said No to {client}. You can close this page.",
    refused_more: "This software is not verified, so you are not sent to its address by itself.",
    refused_go: "Tell {host} that you said No",

    // A stronger sign-in.
    surer_phr: "What is asked for needs a passkey: sign in with yours.",
    surer_mfa: "What is asked for needs more than a password: sign in with a passkey or your second factor.",

    // Signing out because software asks for it.
    log_out_title: "Do you want to sign out?",
    log_out_lead: "Software asks to end your session here. What you allowed stays allowed.",
    log_out_go: "Sign out",
    log_out_stay: "Stay signed in",

    // Signed out.
    signed_out_title: "You are signed out",
    signed_out_lead: "What you allowed stays allowed. Sign in again to see it or to end it.",
    sign_in_again: "Sign in again",

    // The account.
    allowed_title: "What I allowed",
    allowed_lead: "Software that may act for you. What you end stops at once.",
    allowed_none: "Nobody may act for you.",
    allowed_none_more: "When software asks to act for you, you decide first, and it is then listed here.",
    security_title: "Sign-in and security",
    security_lead: "The ways into your account, and where it is open.",
    last_used: "Last used",
    never_used: "Not used yet",
    expires: "Ends",
    since: "Allowed",
    by_operator: "by the operator of this server",
    revoke: "Revoke",
    revoke_label: "Revoke {agent} at {resource}",
    revoke_all: "Revoke everything",
    revoke_all_more: "Every software listed here loses its access to everything, at once. You can allow each of them again.",
    revoke_all_go: "Yes, revoke everything",
    revoked_one: "Revoked. {agent} can no longer use {resource} for you.",
    revoked_all: "Revoked. Nobody may act for you any more.",
    revoked_already: "That was revoked before.",
    // One grant, and what came of it.
    stand_active: "In force",
    stand_paused: "Paused by you",
    stand_stopped: "Stopped",
    stand_above: "Stopped further up",
    stand_ended: "Ended",
    stand_expired: "Expired",
    came_of_one: "Passed on to 1 agent",
    came_of: "Passed on to {n} agents",
    came_of_title: "What came of it",
    came_of_none: "Nothing was passed on to another agent.",
    came_of_tree: "What came of it, each below who passed it on",
    came_of_more: "Passed on further to {n} more",
    came_of_next: "Show the next",
    came_of_ended: "Show what has ended too",
    look_and_change: "Look and change",
    look_label: "Look at and change {agent} at {resource}",
    newer: "Show the newest",
    older: "Show older",
    ends_unused: "; {when} already, if it is not used",
    granted_title: "{agent} at {resource}",
    granted_lead: "What you take away or stop here counts at once, for everything that came of it too.",
    granted_by_you: "Allowed by you",
    granted_by_operator: "Allowed by the operator of this server",
    granted_by_agent: "Passed on by {agent}",
    granted_by_provider: "Allowed on the word of {issuer}",
    how_it_stands: "How it stands",
    paused_more: "{agent} can do nothing with it until you put it in force again.",
    stopped_more: "It was stopped, and not by you, so it acts again only when that is over. You can end it.",
    above_more: "What it was made under is stopped or has ended.",
    ended_more: "It ended {when}: {why}.",
    expired_more: "Its time was over {when}.",
    who_may_hold: "May be passed on to",
    passing_by_rule: "agents that the operator’s rules name",
    passing_nobody: "nobody",
    budget: "Left of it",
    budget_calls: "{left} of {most} calls",
    budget_sum: "{left} of {most} in {path} of {tools}",
    take_away: "Take something away",
    take_away_hint: "Untick what it may no longer do. Nothing can be added here: for that, its software asks you anew.",
    take_passing: "May be passed on to agents that the operator’s rules name",
    take_agent: "May be passed on to {agent}",
    take_duration: "Until when",
    take_as_is: "As it is",
    take_go: "Take away what is unticked",
    took_away: "Done. {agent} may do only what is listed below, from now on.",
    took_nothing: "Nothing was changed, because nothing was unticked.",
    took_all: "That would leave nothing. If {agent} may do nothing more here, end it instead.",
    took_wider: "That would have allowed more than before, so nothing was changed. It is on record.",
    took_past: "That time is over already. If it is to stop now, end it instead.",
    took_changed: "It was changed in the meantime, so nothing was changed now. Look at it again, and choose anew.",
    suspend: "Pause",
    suspend_label: "Pause {agent} at {resource}",
    resume: "Put in force again",
    resume_label: "Put {agent} at {resource} in force again",
    suspended_one: "Paused. {agent} can do nothing with {resource} for you until you put it in force again.",
    resumed_one: "In force again.",
    resumed_not_yet: "Your pause is over, but it is still stopped for another cause.",
    resume_refused: "You did not pause it, so you cannot put it in force again. It acts again when the cause is over.",
    organisations: "Your organisation allowed it, and only its administrators can end it. You can pause it.",
    stood_already: "It stood like that already.",
    end_it: "End it",
    end_more: "{agent} loses this access at once, and so does everybody it passed something on to. It cannot be undone; {agent} can ask you again.",
    end_go: "Yes, end it",
    history: "What happened",
    history_none: "Nothing happened yet.",
    history_when: "When",
    history_what: "What",
    history_who: "Who",
    happened_allowed: "Allowed: {scope}",
    happened_made: "Made",
    happened_changed: "Changed",
    happened_narrowed: "Taken away: {what}",
    happened_passing: "passing on",
    happened_time: "time",
    happened_details: "{n} of the single tools",
    happened_refused: "Refused to allow more than before",
    happened_suspended: "Paused",
    happened_resumed: "Put in force again",
    happened_ended: "Ended: {why}",
    happened_token: "Got a token",
    happened_used: "Used {what}",
    happened_denied: "Was refused {what}",
    happened_passed: "Passed on to {agent}",
    why_disuse: "nobody used it",
    why_expired: "its time was over",
    by_you: "you",
    by_the_operator: "the operator",
    by_system: "this server",

    // Ways into the account.
    passkeys: "Passkeys",
    passkeys_none: "You have no passkey yet. It is quicker than a password, and it cannot be given away by mistake.",
    passkey_add: "Add a passkey",
    passkey_label: "Name of this device",
    passkey_label_hint: "So that you know it again: “Work laptop”.",
    passkey_remove: "Remove",
    passkey_remove_label: "Remove the passkey {label}",
    passkey_added: "The passkey was added.",
    passkey_removed: "The passkey was removed.",
    passkey_refused: "The passkey was not added. Try again.",
    passkey_last: "This is the only way into your account. Add another one first.",
    passkeys_nowhere: "Browsers offer no passkeys for this server, because its address is a number and not a name.",
    passkey_add_script: "Adding a passkey needs JavaScript, which is off.",
    identities: "Accounts elsewhere",
    identities_none: "No account elsewhere opens this one.",
    identity_connect: "Connect {provider}",
    identity_remove: "Disconnect",
    identity_remove_label: "Disconnect {label} at {provider}",
    identity_connected: "The account was connected. You can sign in with it from now on.",
    identity_disconnected: "The account was disconnected.",
    added: "Added",
    sessions: "Where you are signed in",
    session_this: "this browser",
    session_from: "From",
    session_since: "Since",
    session_end: "Sign out",
    session_end_label: "Sign out {agent}",
    session_ended: "That browser was signed out.",
    way_password: "password",
    way_passkey: "passkey",
    way_link: "one-time link",
    way_provider: "by {provider}",
    way_dev: "development mode",
    browser_unknown: "A browser",

    // The first user.
    first_title: "Set up the first user",
    first_lead: "This server has no user yet. Whoever opens this link first makes one.",
    first_login: "User name",
    first_login_hint: "Lower-case letters, digits, dots and dashes.",
    first_name: "Your name",
    first_name_hint: "As others should read it.",
    first_password: "Password",
    first_password_hint: "At least 12 characters. A few words are better than odd signs. You can add a passkey afterwards.",
    first_no_password: "This server takes no passwords: add a passkey on the next page, so that you can come back.",
    first_go: "Create the user",
    welcome_title: "Welcome, {name}",
    welcome_lead: "The operator of this server gave you this link. It signs you in once; then add a passkey, so that you can come back.",
    welcome_go: "Sign in",
    bad_login: "Use 1 to 64 lower-case letters, digits, dots or dashes.",
    bad_name: "Write a name of at most 80 characters.",
    bad_password: "Use 12 to 128 characters.",
    taken_login: "That user name is taken.",

    // Faults.
    fault_title: "This request cannot be answered",
    fault_client: "You did nothing wrong: the software that sent you here asked in a way that is not allowed. You have not been sent back to it, because its address could not be trusted.",
    fault_code: "Error",
    expired_title: "This page is too old",
    expired_lead: "What you were asked has expired or was answered before. Go back to the software that sent you, and start again there.",
    elsewhere_title: "This was started in another browser",
    elsewhere_lead: "For your safety, only the browser that starts a sign-in can finish it. If somebody sent you this address, close the page. Otherwise start again in the software that asked.",
    crossed_title: "That did not come from our page",
    crossed_lead: "The answer did not carry the mark of the page it belongs to, so it was not accepted. Nothing has changed. Open the page again and repeat your answer.",
    missing_title: "There is nothing here",
    missing_lead: "Check the address, or go to your account.",
    ours_title: "The server could not do that",
    ours_lead: "The fault is on our side, and it is recorded. Nothing was allowed. Try again in a minute; if it stays so, tell the operator the reference below.",
    used_link_title: "This link was used before",
    used_link_lead: "A set-up link works once, for a short time. Restart the server for a new one, or run “prokura user add”.",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_filled_once_and_never_read_as_a_place() {
        let text = Text("{a} and {b}").with("a", "{b}").with("b", "x");
        assert_eq!(text.to_string(), "{b} and x");
    }

    #[test]
    fn around_a_place_stands_the_rest() {
        assert_eq!(Text("under {account}.").around("account"), ("under ", "."));
    }

    #[test]
    fn texts_are_finished_sentences_that_blame_nobody() {
        for (name, text) in ALL {
            assert!(!text.is_empty() && !text.contains("went wrong") && !text.contains("  "), "{name}");
            assert_eq!(text.matches('{').count(), text.matches('}').count(), "{name}");
        }
    }
}
