// Shows /openapi.json: a searchable list of operations, each with its parameters, schemas and a
// curl example. All text is set as text, never as markup.
"use strict";

const TEXTS = {
  "zh-CN": {
    other: "English", search: "搜索接口", access: "访问权限", parameters: "参数", body: "请求体",
    answer: "响应", example: "示例", name: "名称", place: "位置", type: "类型", about: "说明",
    required: "必填", anonymous: "无需令牌", permission: "权限", kinds: "调用方", nothing: "没有匹配的接口",
    choose: "请选择一个接口", failed: "无法加载文档", fields: "字段", at_most: "最多", characters: "个字符",
    items: "项", user: "用户", device: "设备", partner: "合作系统", operator: "运维", errors: "错误",
    errors_text: "错误以 application/problem+json 返回（RFC 9457）；程序应依据 reason 判断。",
    path: "路径", query: "查询", header: "请求头", comma: "、", colon: "：", stop: "。",
    english_only: "接口说明为英文原文。", found: "个接口", of: "共",
    begin: "除标明“无需令牌”的接口外，调用时请在请求头 Authorization 中携带访问令牌。先获取令牌：",
  },
  en: {
    other: "中文", search: "Search operations", access: "Access", parameters: "Parameters",
    body: "Request body", answer: "Answer", example: "Example", name: "Name", place: "In",
    type: "Type", about: "Description", required: "required", anonymous: "no token needed",
    permission: "Permission", kinds: "Callers", nothing: "No operation matches",
    choose: "Choose an operation", failed: "The document could not be loaded", fields: "Fields",
    at_most: "at most", characters: "characters", items: "items", user: "users",
    device: "devices", partner: "partner systems", operator: "operator", errors: "Errors",
    errors_text: "Errors are application/problem+json (RFC 9457); programs decide on reason.",
    path: "path", query: "query", header: "header", comma: ", ", colon: ": ", stop: ". ",
    english_only: "", found: "operations", of: "of",
    begin: "Calls carry an access token in the header Authorization, except where no token is " +
      "needed. A token first:",
  },
};
const DEPTH_MAX = 6;

// Packages of the contract in the order of the work, and what they are called.
const AREAS = {
  auth: ["组织与权限", "Organisation and access"],
  device: ["终端与评价", "Terminals and ratings"],
  survey: ["问卷与顾客", "Questionnaires and customers"],
  analytics: ["指标与指数", "Figures and indices"],
};
// Services in the order of the work, with their Chinese titles; in English their names are words.
const SERVICES = {
  TokenService: "令牌与登录", OrganisationService: "组织", UnitService: "机构与窗口",
  StaffService: "员工", UserService: "用户", GrantService: "角色与授权", ClientService: "接入凭证",
  SessionService: "会话", AuditService: "审计记录",
  DeviceService: "设备", TemplateService: "评价模板", ShiftService: "登录时段",
  EncounterService: "服务记录", RatingService: "评价", RatingPolicyService: "评价规则",
  QuarantineService: "隔离的评价",
  QuestionnaireService: "问卷", PlanService: "测评方案", CampaignService: "调查活动",
  InvitationService: "邀请与链接", RespondentService: "填写问卷", ResponseService: "答卷",
  CustomerService: "顾客", CustomerSchemaService: "顾客属性、类别与细分",
  CustomerImportService: "顾客导入", CustomerRecordService: "消费与互动记录",
  LoyaltyService: "顾客忠诚", CareService: "顾客关怀", CompetitorService: "竞争者",
  SubjectService: "个人信息权利",
  FigureService: "指标查询", IntegrityService: "评价真实性", ComparisonService: "比较与排名",
  TargetService: "目标值", ScoreCardService: "计分卡", AlertService: "预警",
  CalendarService: "工作日历", IndexService: "满意度指数", PublicationService: "结果发布",
  MeasureService: "统计方法", FreshnessService: "数据时效", MaintenanceService: "运行维护",
};

let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh-CN" : "en");
if (!TEXTS[language]) language = "en";
let api = null;
let operations = [];
// Services whose sections the reader has opened.
const opened = new Set();

const text = (key) => TEXTS[language][key] ?? key;
const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// `code` in a line of text.
function inline(line) {
  return line.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

// Descriptions are the comments of the contract: paragraphs, wrapped where the source is, and lists.
function prose(description) {
  const made = element("div", { class: "text" });
  for (const paragraph of (description || "").split(/\n{2,}/)) {
    const blocks = [];
    for (const line of paragraph.split("\n")) {
      const item = line.startsWith("- ");
      if (item) blocks.push({ item, line: line.slice(2) });
      else if (blocks.length) blocks[blocks.length - 1].line += ` ${line}`;
      else blocks.push({ item, line });
    }
    let list = null;
    for (const { item, line } of blocks) {
      if (!item) made.append(element("p", {}, ...inline(line)));
      else {
        if (!list) made.append(list = element("ul", {}));
        list.append(element("li", {}, ...inline(line)));
      }
    }
  }
  return made;
}

function resolve(schema) {
  const name = schema && schema.$ref && schema.$ref.split("/").pop();
  return name ? { ...api.components.schemas[name], title: shortName(name) } : schema || {};
}

const shortName = (name) => name.split(".").pop();

function typeOf(schema) {
  const full = resolve(schema);
  if (full.type === "array") return `${typeOf(full.items)}[]`;
  if (full.title) return full.title;
  if (full.additionalProperties && full.additionalProperties !== true) {
    return `map<string, ${typeOf(full.additionalProperties)}>`;
  }
  return full.format ? `${full.type} (${full.format})` : full.type || "any";
}

function limits(schema) {
  const parts = [];
  if (schema.maxLength) parts.push(`${text("at_most")} ${schema.maxLength} ${text("characters")}`);
  if (schema.maxItems) parts.push(`${text("at_most")} ${schema.maxItems} ${text("items")}`);
  const resources = resourcesOf(schema);
  if (resources) parts.push(resources.map((resource) => `${resource}/…`).join(", "));
  else if (schema.pattern) parts.push(schema.pattern);
  return parts.join("; ");
}

// Kinds of names that a field takes, such as `units`; null when it takes none.
function resourcesOf(schema) {
  const found = /^\^\(\(([A-Za-z|]+)\)\//.exec(schema.pattern || "");
  return found ? found[1].split("|") : null;
}

function nameCell(name, required) {
  return element("td", {}, element("code", {}, breakable(name)),
    required ? element("div", { class: "quiet" }, text("required")) : null);
}

// A long name may break where a word begins, but nowhere else.
function breakable(name) {
  const made = document.createDocumentFragment();
  for (const part of name.split(/(?<=[/:_-])|(?<=[a-z])(?=[A-Z])/)) made.append(part, element("wbr"));
  return made;
}

function fieldRows(schema, depth) {
  const full = resolve(schema);
  const required = new Set(full.required || []);
  return Object.entries(full.properties || {}).map(([name, field]) => {
    const inner = resolve(field.type === "array" ? field.items : field);
    const note = limits(field);
    const cell = element("td", {},
      prose(field.description),
      note ? element("div", { class: "quiet" }, note) : null);
    if (inner.enum) cell.append(more(inner.title, prose(inner.description || inner.enum.join(", "))));
    else if (inner.properties && depth < DEPTH_MAX) cell.append(lazy(inner.title || text("fields"), () => fieldTable(inner, depth + 1)));
    return element("tr", {},
      nameCell(name, required.has(name)), element("td", { class: "mono" }, typeOf(field)), cell);
  });
}

const more = (title, content) =>
  element("details", {}, element("summary", {}, title || text("fields")), content);

function lazy(title, make) {
  const details = more(title, "");
  details.addEventListener("toggle", () => { if (details.childElementCount < 2) details.append(make()); });
  return details;
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((key) => element("th", { scope: "col" }, text(key))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

const fieldTable = (schema, depth) => table(["name", "type", "about"], fieldRows(schema, depth));

// Texts whose form the schema does not say, by the field's name.
const SAMPLE_TEXTS = { from: "2026-11-01", to: "2026-11-30", timeZone: "Asia/Shanghai" };

function sample(schema, depth = 0, field = "") {
  const full = resolve(schema);
  if (full.enum) return full.enum[1] || full.enum[0];
  if (full.type === "array") return depth > 3 ? [] : [sample(full.items, depth + 1, field)];
  if (full.type === "object") {
    if (depth > 3) return {};
    const required = full.required || [];
    const names = Object.keys(full.properties || {}).filter((name) => !full.properties[name].readOnly);
    const shown = required.length ? names.filter((name) => required.includes(name)) : names.slice(0, 4);
    return Object.fromEntries(shown.map((name) => [name, sample(full.properties[name], depth + 1, name)]));
  }
  if (full.type === "integer" || full.type === "number") return 1;
  if (full.type === "boolean") return true;
  if (full.format === "date-time") return "2026-11-01T09:00:00Z";
  if (full.format === "int64") return "1";
  const resources = resourcesOf(full);
  return resources ? `${resources[0]}/…` : SAMPLE_TEXTS[field] || "…";
}

const quoted = (value) => `'${value.replaceAll("'", "'\\''")}'`;

// Streams from the client exist in gRPC only, and so does their example.
const clientStreams = (operation) => !operation.responses["200"];

function grpcurl(operation) {
  const body = operation.requestBody.content["application/json"].schema;
  const flags = [location.protocol === "https:" ? "" : "-plaintext ", '-H "authorization: Bearer $TOKEN"'];
  const data = quoted(JSON.stringify(sample(body), null, 2));
  return [`grpcurl ${flags.join("")}`, `-d ${data}`, `${location.host} ${operation["x-grpc-method"]}`].join(" \\\n  ");
}

function curl(operation) {
  if (clientStreams(operation)) return grpcurl(operation);
  const path = operation.path.replaceAll(/\{[^}]+\}/g, "…");
  const required = (operation.parameters || []).filter((p) => p.in === "query" && p.required);
  const query = required.map((p) => `${p.name}=${sample(p.schema)}`).join("&");
  const lines = [`curl ${operation.verb === "GET" ? "" : `-X ${operation.verb} `}${quoted(location.origin + path + (query ? `?${query}` : ""))}`];
  if (operation.security.length) lines.push('-H "Authorization: Bearer $TOKEN"');
  const content = operation.requestBody && operation.requestBody.content;
  if (content && content["application/json"]) {
    lines.push("-H 'Content-Type: application/json'");
    lines.push(`-d ${quoted(JSON.stringify(sample(content["application/json"].schema), null, 2))}`);
  } else if (content) {
    const form = Object.values(content)[0].schema;
    const names = new Set([...(form.required || []), "organisation", "username", "password"]);
    for (const name of Object.keys(form.properties).filter((known) => names.has(known))) {
      const value = name === "grant_type" ? "password" : "…";
      lines.push(`--data-urlencode ${quoted(`${name}=${value}`)}`);
    }
  }
  const answers = operation.responses["200"] && operation.responses["200"].content;
  if (answers && answers["text/event-stream"]) lines.push("-N");
  return lines.join(" \\\n  ");
}

function accessText(operation) {
  const access = operation["x-access"];
  if (access.anonymous) return text("anonymous");
  const kinds = access.kinds.map((kind) => text(kind)).join(text("comma"));
  const says = (key, value) => `${text(key)}${text("colon")}${value}${text("stop")}`;
  return (access.permission ? says("permission", access.permission) : "") + says("kinds", kinds);
}

function showBeginning(detail) {
  const token = operations.find((one) => one.operationId === "auth.TokenService.CreateToken");
  detail.append(
    element("h1", {}, `${api.info.title} ${api.info.version}`), prose(api.info.description),
    element("p", {}, text("begin")), element("pre", {}, curl(token)),
    element("p", { class: "quiet" }, text("choose"), text("stop"), text("english_only")));
}

function showDetail(operation) {
  const detail = byId("detail");
  detail.replaceChildren();
  if (!operation) {
    showBeginning(detail);
    return;
  }
  const section = (key, ...content) => detail.append(element("h2", {}, text(key)), ...content);
  detail.append(
    element("h1", {}, operation.summary),
    element("div", { class: "route mono" }, element("b", {}, operation.verb), ` ${operation.path}`),
    element("div", { class: "quiet mono" }, `gRPC ${operation["x-grpc-method"]}`),
    prose(operation.description));
  section("access", element("p", {}, accessText(operation)));
  section("example", element("pre", {}, curl(operation)));
  if (operation.parameters.length && !clientStreams(operation)) {
    section("parameters", table(["name", "place", "type", "about"], operation.parameters.map((p) =>
      element("tr", {},
        nameCell(p.name, p.required), element("td", {}, text(p.in)),
        element("td", { class: "mono" }, typeOf(p.schema)), element("td", {}, prose(p.description))))));
  }
  for (const [kind, content] of Object.entries((operation.requestBody || {}).content || {})) {
    section("body", element("p", { class: "quiet mono" }, kind), fieldTable(content.schema, 0));
  }
  const answer = operation.responses["200"];
  const kinds = Object.entries((answer && answer.content) || {});
  if (kinds.length) section("answer");
  for (const [kind, content] of kinds) {
    detail.append(element("p", { class: "quiet mono" }, kind), fieldTable(content.schema, 0));
  }
  section("errors", element("p", {}, text("errors_text")),
    lazy("Problem", () => fieldTable(api.components.schemas.Problem, 0)));
}

function current() {
  const id = decodeURIComponent(location.hash.slice(1));
  return operations.find((operation) => operation.operationId === id);
}

function serviceTitle(service) {
  const english = service.replace(/Service$/, "").replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ");
  return (language === "zh-CN" && SERVICES[service]) || english;
}

function areaTitle(area) {
  const titles = AREAS[area];
  return titles ? titles[language === "zh-CN" ? 0 : 1] : area;
}

// What the search looks through: the Chinese title too, so that 问卷 finds its operations.
function haystackOf(path, verb, operation) {
  const texts = [path, verb, operation.summary, operation.operationId, operation.description];
  const title = SERVICES[operation.tags[0]] || "";
  return [...texts, operation["x-access"].permission || "", title].join(" ").toLowerCase();
}

const areaOf = (operation) => operation.operationId.split(".")[0];

function listEntry(operation, chosen) {
  return element("a", {
    href: `#${encodeURIComponent(operation.operationId)}`,
    "aria-current": operation === chosen ? "page" : null,
  }, element("span", { class: "verb" }, operation.verb), element("span", {},
    element("span", { class: "mono" }, breakable(operation.path)),
    element("span", { class: "summary" }, operation.summary)));
}

// One section for each service, open where something is chosen or looked for.
function listSection(found, chosen, open) {
  const service = found[0].tags[0];
  const head = element("summary", {}, serviceTitle(service),
    element("span", { class: "quiet" }, ` ${found.length}`));
  const section = element("details", {}, head);
  section.open = open || found.includes(chosen) || opened.has(service);
  // The reader's own doing, and not that of a search: before the click is carried out.
  head.addEventListener("click", () => {
    if (section.open) opened.delete(service);
    else opened.add(service);
  });
  section.append(...found.map((operation) => listEntry(operation, chosen)));
  return section;
}

function showList() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = current();
  const list = byId("list");
  const groups = new Map();
  let count = 0;
  for (const operation of operations) {
    if (!words.every((word) => operation.haystack.includes(word))) continue;
    const key = `${areaOf(operation)}.${operation.tags[0]}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(operation);
    count += 1;
  }
  list.replaceChildren(element("p", { class: "quiet", role: "status" }, counted(count)));
  let area = null;
  for (const found of groups.values()) {
    if (areaOf(found[0]) !== area) {
      area = areaOf(found[0]);
      list.append(element("h2", {}, areaTitle(area)));
    }
    list.append(listSection(found, chosen, words.length > 0));
  }
}

function counted(count) {
  if (!count) return text("nothing");
  const whole = count === operations.length ? "" : ` (${text("of")} ${operations.length})`;
  return `${count} ${text("found")}${whole}`;
}

function showAll() {
  document.documentElement.lang = language;
  byId("language").textContent = text("other");
  byId("search").placeholder = text("search");
  for (const made of document.querySelectorAll("[data-text]")) made.textContent = text(made.dataset.text);
  if (!api) return;
  showList();
  showDetail(current());
}

async function start() {
  showAll();
  try {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error(answer.status);
    api = await answer.json();
  } catch (error) {
    byId("detail").append(element("p", {}, `${text("failed")} (${error.message})`));
    return;
  }
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const [verb, operation] of Object.entries(verbs)) {
      const haystack = haystackOf(path, verb, operation);
      operations.push({ ...operation, path, verb: verb.toUpperCase(), haystack });
    }
  }
  const areas = Object.keys(AREAS);
  const place = (operation) => (areas.indexOf(areaOf(operation)) + areas.length) % areas.length;
  const services = Object.keys(SERVICES);
  const rank = (operation) => services.indexOf(operation.tags[0]) >>> 0;
  operations.sort((a, b) => place(a) - place(b) || rank(a) - rank(b)
    || a.tags[0].localeCompare(b.tags[0]) || a.path.localeCompare(b.path));
  showAll();
  const chosen = document.querySelector("#list [aria-current]");
  if (chosen) byId("list").scrollTop = chosen.offsetTop - byId("list").clientHeight / 2;
}

byId("search").addEventListener("input", showList);
byId("language").addEventListener("click", () => {
  language = language === "en" ? "zh-CN" : "en";
  localStorage.setItem("language", language);
  showAll();
});
addEventListener("hashchange", () => {
  showAll();
  byId("detail").focus({ preventScroll: true });
  // Beside the list, the page starts at its top; below it, where the detail does.
  if (getComputedStyle(byId("list")).position === "sticky") scrollTo(0, 0);
  else byId("detail").scrollIntoView();
});
start();
