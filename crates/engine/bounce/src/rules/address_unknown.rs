//! Words about an address that does not exist: `address_unknown`. After MAIL the same words mean our own address.

use crate::rule::{Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "address-unknown/no-such",
        &[
            "(no such|unknown|invalid|bad|illegal|non ?existent|nonexisting|unrecogni[sz]ed|wrong|incorrect|\
             not a valid|not a known|isnt a valid|not valid|not an? (existing|active|registered|local)|\
             undeliverable|unknown or illegal|invalid or unknown|nonexistant) (\\S+ ){0,3}(users?|\
             recipients?|mail ?box*|address*|accounts?|alias*|id|ids|login|customer|person|name|in ?box|\
             member|receiver|local ?part|rcpt|subscriber|employee|e ?mail|destination|here|gateway user|\
             destinataire*|utilisateur)",
            "unrouteable address",
            "unroutable address",
            "(cannot|cant|could not|couldnt|unable to) (find|locate|identify) (\\S+ ){0,2}(user|recipient|\
             mail ?box|address|account|person)",
            "unknown local part",
            "not (a |an )?(deliverable|ours|our) (mail ?box|address|user|customer|recipient)",
            "no longer (a )?valid",
        ],
    )
    .unless(&[
        "sender",
        "from",
        "return path",
        "source",
        "sending",
        "hosts?",
        "domain",
        "ip",
        "command",
        "relay*",
        "password",
        "authenticat*",
        "helo",
        "ehlo",
        "too many",
        "registered gateway",
        "message id",
        "message ?ids?",
        "headers?",
        "file ?name",
        "name server",
        "mime",
        "attachment*",
        "log ?in",
        "encoding",
        "certificate",
    ]),
    says(
        "address-unknown/not-found",
        &[
            "(users?|recipients?|mail ?box*|address*|accounts?|alias*|person|customer|member|in ?box|login|\
             rcpt( to)?|local ?part|name|id|addr|e ?mail|subscriber|employee|destination address*|receiver|\
             spectator|mail ?drop|folder|maildir|group|mail list) (\\S+ ){0,6}(unknown|not (be )?(found|\
             exist*|known|present|ok|recogni[sz]ed|valid|listed|registered|defined|correct|located|available|\
             there|in|a (valid|known|local|registered))|couldnt be found|cannot be found|cant be found|\
             could not be found|doesnt exist|dont exist|didnt exist|didn t exist|no longer (exists?|\
             available|valid|on|here|with|at|have)|isnt (valid|known|here|registered|local|found)|\
             doesnt (have|exist)|does not have|nonexist*|non existent|invalid|invalide|unrecogni[sz]ed|\
             unreachable|t exist|has (moved|left|changed)|not in)",
            "(user|recipient|mail ?box|address|account) (\\S+ ){0,3}(has been |was |is |been )?deleted",
            "(recipient|address|user) (\\S+ )?(cannot|cant|could not|couldnt) be (verified|found|resolved)",
            "not a (member|subscriber) (of|here)",
            "(address|mail ?box|user|email|account|recipient) (\\S+ ){0,2}lookup (failed|failure)",
            "(address|recipient|user|mail ?box) (\\S+ )?not (local|deliverable|ours|\
             our (\\S+ )?(customer|user|client))",
        ],
    )
    .unless(&[
        "sender address",
        "envelope sender",
        "sender email",
        "invalid sender",
        "mail from",
        "hostname",
        "domain not found",
        "your",
        "command",
        "policy",
        "authenticat*",
        "parameters",
        "helo",
        "ehlo",
        "syntax error",
        "ip (address )?(is )?(not|unknown)",
        "ipaddr (is )?(not|unknown)",
        "message id",
        "headers?",
        "file",
        "attachment*",
        "name server",
        "mime",
        "record",
        "certificate",
        "object",
    ]),
    says(
        "address-unknown/no-mailbox",
        &[
            "no (account|mail ?box|user|recipient|in ?box|person|customer|valid recipients?|known user|one|\
             address|such)",
            "user missing",
            "missing (user|home directory)",
            "no addr in",
            "not in (the |our |my )?(name )?(directory|address book|database|user list|valid)",
        ],
    )
    .unless(&[
        "sender",
        "from",
        "relay*",
        "host",
        "domain",
        "dns",
        "mx",
        "such (domain|host|command|file|process)",
    ]),
    says(
        "address-unknown/recipient-refused",
        &[
            "recipient* (address* )?(\\S+ ){0,2}(rejected|denied|not allowed|refused|not accepted|\
             undeliverable|not permitted)",
            "recipient (is )?not (allowed|permitted|accepted|authorized)",
            "badrcptto",
            "validrcptto",
            "rcpt _ (rejected|denied|refused)",
            "(cannot|cant|could not|unable to) deliver (mail|message|email)? ?(to|for)",
            "failure for one or more recipient*",
            "address rejected",
            "delivery to (this|that|the) (address|recipient|user|mail ?box) (is )?(restricted|denied|not|\
             refused)",
        ],
    )
    .unless(&[
        "sender",
        "from",
        "access list",
        "recipient addresses rejected access",
        "policy",
        "spam*",
        "locked",
        "greylist*",
        "too many",
        "limit*",
        "rate",
        "mail ?from",
        "sending",
        "preference*",
        "for the last",
    ]),
    says(
        "address-unknown/unavailable",
        &[
            "(mail ?box|account|user|recipient|address|addr) (\\S+ ){0,2}unavailable",
            "not (email|mail) address*",
            "user not active",
            "(e ?mail|mail|user) (name |account )?(\\S+ ){0,2}not found",
            "name is not found",
        ],
    )
    .unless(&["temporar*", "try", "service", "later"]),
    says("address-unknown/blocked-by", &["^addr blocked by"]),
    says(
        "address-unknown/moved",
        &[
            "(user|recipient|mail ?box|owner|account|address|customer|he|she|person|\
             addressee) (\\S+ ){0,2}(has )?(moved|changed|left (the )?(company|organi[sz]ation))",
            "new address is",
            "please try addr",
            "recipient reserved by rfc",
            "rfc 2606",
        ],
    )
    .unless(&["sender", "domain owner"]),
    says(
        "address-unknown/other-languages",
        &[
            "(utilisateur|destinataire|adresse|boite|compte|abonne) (\\S+ ){0,5}(inconnu*|invalide*|\
             inexistant*|nexiste|introuvable|non valide)",
            "(usuario|cuenta|buzon|direccion|destinatario|correo) (\\S+ ){0,3}(no existe|desconocid[oa]|\
             invalid[oa]|inexistente|no encontrad[oa]|nao existe|inval)",
            "no existe (\\S+ ){0,3}(usuario|cuenta|buzon|destinatario)",
            "(nessun|utente|casella|destinatario|indirizzo) (\\S+ ){0,3}(utente|sconosciut[oa]|inesistente|\
             non (esiste|trovat[oa]|valid[oa])|simile)",
            "(empfanger|benutzer|postfach|adresse|mailadresse|konto) (\\S+ ){0,4}(unbekannt|existiert nicht|\
             nicht (gefunden|bekannt|vorhanden|gultig)|ungultig)",
            "unbekannter (empfanger|benutzer)",
            "(usuario|conta|caixa) (\\S+ ){0,3}(inexistente|desconhecid[oa]|invalid[oa]|nao)",
            "(gebruiker|ontvanger|adres) (\\S+ ){0,3}(onbekend|bestaat niet)",
            "(uzytkownik|adres|konto) (\\S+ ){0,3}(nieznany|nie istnieje)",
            "пользовател* (\\S+ )?не найден",
            "адрес* не существует",
        ],
    ),
    says(
        "address-unknown/japanese",
        &["(宛先|送信先|アドレス|ユーザ|メールボックス).*(見つかりません|みつかりません|存在しません|不明|ありません)"],
    ),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] = &[
    says(
        "address-unknown/does-not-exist",
        &[
            "(does not|doesnt|do not|dont|t|not) exist",
            "not found",
            "unknown",
            "not known",
            "non ?existent",
            "inconnu*",
            "desconocid[oa]",
            "sconosciut[oa]",
            "unbekannt",
        ],
    )
    .permanent()
    .unless(&["sender", "from", "host", "hostname", "domain", "command", "policy", "ip", "ipaddr", "your"]),
    says(
        "address-unknown/rejected",
        &["recipient* (\\S+ ){0,3}(reject*|refus*|denied|fail*)", "(addr|user|recipient) (rejected|refused)"],
    ),
    says("address-unknown/mailbox", &["mail ?box (\\S+ ){0,3}(access denied|not allowed)"]),
];
