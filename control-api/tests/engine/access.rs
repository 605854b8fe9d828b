//! Who may call what. Walks the table from which the router is made, so no route can be forgotten.

use axum::body::Body;
use axum::http::StatusCode;
use control_api::{Access, ROUTES};

use crate::desk::{Desk, KEY};

const README: &str = include_str!("../../README.md");

#[tokio::test]
async fn every_route_is_documented_and_closed_to_strangers() {
    let desk = Desk::with_key();
    for route in ROUTES {
        let documented = README.lines().any(|line| {
            line.split('`').any(|code| code.ends_with(&format!(" {}", route.path)) && code.contains(route.method))
        });
        assert!(documented, "README.md does not name {} {}", route.method, route.path);
        assert!(!route.does.is_empty());
        let path = route.path.replace("{id}", "none");
        let bearer = format!("Bearer {KEY}");
        let from = |ip: [u8; 4], headers: Vec<(&'static str, String)>| {
            let desk = &desk;
            let path = path.clone();
            async move {
                let headers: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
                desk.send_from(ip, route.method, &path, &headers, Body::empty()).await.status
            }
        };
        let refused = StatusCode::UNAUTHORIZED;
        let stranger = from([192, 0, 2, 1], vec![]).await;
        let here = from([127, 0, 0, 1], vec![]).await;
        let keyed = from([192, 0, 2, 1], vec![("authorization", bearer)]).await;
        let wrong = from([127, 0, 0, 1], vec![("authorization", "Bearer nonsense".to_owned())]).await;
        assert_eq!(stranger == refused, route.access != Access::Open, "{} {}", route.method, route.path);
        assert_eq!(here == refused, route.access == Access::Operate, "{} {}", route.method, route.path);
        assert_ne!(keyed, refused, "{} {}", route.method, route.path);
        assert_eq!(wrong == refused, route.access != Access::Open, "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_refused_in_the_same_form() {
    let desk = Desk::new();
    for (method, path, status) in [
        ("GET", "/engine/api/inject/v1", 405),
        ("PUT", "/engine/api/admin/suspend/v1", 405),
        ("GET", "/engine/api/inject/v2", 404),
        ("GET", "/", 404),
        ("GET", "/engine/api/campaigns/v1/never-heard-of", 404),
    ] {
        let answer = desk.send(method, path, &[], Body::empty()).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        assert_eq!(answer.json()["status_code"], status);
        assert!(answer.json()["errors"][0]["message"].is_string());
        assert!(answer.header("x-request-id").is_some());
        assert_eq!(answer.header("allow").is_some(), status == 405);
    }
}

#[tokio::test]
async fn liveness_and_metrics_tell_what_the_engine_says() {
    let desk = Desk::new();
    for path in ["/healthz", "/engine/api/check-liveness/v1"] {
        assert_eq!(desk.send("GET", path, &[], Body::empty()).await.status, StatusCode::OK);
    }
    let metrics = desk.send("GET", "/metrics", &[], Body::empty()).await;
    assert_eq!(metrics.header("content-type").as_deref(), Some("text/plain; version=0.0.4; charset=utf-8"));
    desk.port.unready("no room on the disk");
    let answer = desk.send("GET", "/healthz", &[], Body::empty()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["errors"][0]["message"], "no room on the disk");
    assert_eq!(answer.header("retry-after").as_deref(), Some("5"));
}
