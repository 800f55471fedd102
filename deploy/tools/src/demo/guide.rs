//! Where to look, for whoever has just started the demonstration.

use jiff::{Timestamp, tz::TimeZone};

use super::{Demo, TIME_ZONE};

/// Lines for people, ready to be copied.
pub fn guide(demo: &Demo, address: &str) -> String {
    let zone = TimeZone::get(TIME_ZONE).unwrap_or(TimeZone::UTC);
    let today = Timestamp::now().to_zoned(zone).date();
    let file = demo.credentials.display();
    let Demo { headquarters, branch, sign_in, survey, .. } = demo;
    let (organisation, login) = (&sign_in.organisation, &sign_in.login);
    let unit = format!(r#""unit": "{headquarters}", "groupBy": ["GROUP_BY_UNIT"]"#);
    let (link, questionnaire) = (&survey.link, &survey.questionnaire);
    let survey_query = format!(
        r#"{{"unit": "{headquarters}", "from": "{today}", "to": "{today}",
      "groupBy": ["GROUP_BY_ITEM"], "source": "FIGURE_SOURCE_QUESTIONNAIRES",
      "filter": {{"questionnaires": ["{questionnaire}"]}}}}"#
    );
    let query = format!(r#"{{{unit}, "from": "{today}", "to": "{today}"}}"#);
    format!(
        r#"
Manyi is running. Ctrl-C stops it.

  API           {address}  (REST/JSON, gRPC and gRPC-Web on this one port)
  documentation {address}/docs
  OpenAPI       {address}/openapi.json
  metrics       {address}/metrics
  sign-in       organisation {organisation}, user {login}, password in {file}

1. A token:

  PASSWORD=$(sed -n 's/.*"password": "\(.*\)".*/\1/p' {file})
  TOKEN=$(curl -s {address}/v1/token -d grant_type=password -d organisation={organisation} \
    -d username={login} -d "password=$PASSWORD" | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')

2. Today's figures of the three regions:

  curl -s {address}/v1/figures:query -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/json' -d '{query}'

3. One branch, live:

  curl -sN "{address}/v1/figures:watch?unit={branch}&groupBy=GROUP_BY_WINDOW" \
    -H "Authorization: Bearer $TOKEN" -H 'Accept: text/event-stream'

4. A questionnaire as a customer gets it, and what customers answered so far:

  curl -s {address}/v1/respond:open -H 'Content-Type: application/json' \
    -d '{{"link": "{link}", "language": "en"}}'
  curl -s {address}/v1/figures:query -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/json' -d '{survey_query}'
"#
    )
}
