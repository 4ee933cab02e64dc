//! An agent sets where it is called back, as golden transcripts in JSON and XML; what it has set
//! outlives a restart. Source: docs/protocols/ota.md, "Callbacks".

use piaoku::domain::catalogue::{CallbackFormat, CallbackMethod, CallbackSettings};
use serde_json::{Value, json};

use crate::support::message::{FORMATS, encode};
use crate::support::partner::{DEMO, POOR, PROVIDER};
use crate::support::server::Server;
use crate::support::transcript::Transcript;

fn parm(url: &str, sms: &str, data_type: &str, method: &str) -> Value {
    json!({
        "replayurl": url,
        "sendofficiallysnotify": sms,
        "replaydatatype": data_type,
        "replaymethod": method
    })
}

fn set(server: &Server) -> Option<CallbackSettings> {
    server.engine.catalogue().agent(server.agent_no(DEMO.id)).unwrap().callback.clone()
}

#[test]
fn an_agent_sets_where_it_is_called_back() {
    let url = "https://agent.example/callback?from=piaoku";
    let settings = CallbackSettings {
        url: url.into(),
        official_sms: true,
        format: CallbackFormat::Xml,
        method: CallbackMethod::Get,
    };
    let (format, method) = (CallbackFormat::Json, CallbackMethod::Post);
    let defaults = CallbackSettings { format, method, ..settings.clone() };
    for format in FORMATS {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        let mut transcript = Transcript::default();
        let mut post = |title: &str, message: &Value| {
            let body = encode(PROVIDER, message, format);
            let request = DEMO.request(&server, PROVIDER, format.content_type(), body);
            transcript.step(title, &request, &request.send(&server));
            set(&server)
        };
        let all = parm(url, "1", "XML", "GET");
        assert_eq!(post("set", &all), Some(settings.clone()));
        assert_eq!(post("the same again", &all), Some(settings.clone()));
        let quiet = post("the agent sends the SMS itself", &parm(url, "0", "xml", "get"));
        assert_eq!(quiet, Some(CallbackSettings { official_sms: false, ..settings.clone() }));
        let bare = post("the address alone", &json!({ "replayurl": url }));
        assert_eq!(bare, Some(defaults.clone()));
        for (title, bad) in [
            ("no address that can be called", parm("agent.example", "1", "JSON", "POST")),
            ("a user in the address", parm("http://me:secret@agent.example/", "1", "JSON", "POST")),
            ("another kind of data", parm(url, "1", "TEXT", "POST")),
            ("another method", parm(url, "1", "JSON", "PUT")),
            ("too long", parm(&format!("http://a/{}", "x".repeat(248)), "1", "JSON", "POST")),
        ] {
            assert_eq!(post(title, &bad), Some(defaults.clone()), "{title}");
        }
        assert_eq!(post("off", &parm("", "1", "JSON", "POST")), None);
        assert_eq!(post("on again", &json!({ "replayurl": url })), Some(defaults.clone()));
        transcript.check(&format!("provider_config.{}.txt", format.name()));
        server.stop();
        let server = Server::start(dir.path());
        assert_eq!(set(&server), Some(defaults.clone()), "it outlives a restart");
        let poor = server.engine.catalogue();
        assert_eq!(poor.agent_by_id(POOR.id).unwrap().callback, None, "nobody else's");
    }
}
