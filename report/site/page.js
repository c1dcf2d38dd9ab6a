// Marks that answer, the panel with their networks, tables and downloads. The data are those that the figures were
// drawn from: a mark has the numbers of its rows in the table of plotted numbers, a row names its networks.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = id => document.getElementById(id);
const MINUS = "\u2212";

// An element with attributes and children; a text is never read as HTML.
function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter(child => child !== undefined && child !== null));
    return element;
}

// The rows of a CSV text, as objects; quoted fields may have commas, quotes and line breaks.
function parse(text) {
    const lines = [[]];
    for (const [, field, quoted, end] of text.matchAll(/("((?:[^"]|"")*)"|[^,\n]*)(,|\n|$)/g)) {
        lines.at(-1).push(quoted === undefined ? field : quoted.replaceAll('""', '"'));
        if (end === "\n") lines.push([]);
        else if (end === "") break;
    }
    const [names, ...rows] = lines;
    return rows.filter(row => row.length === names.length)
        .map(row => Object.fromEntries(names.map((name, i) => [name, row[i]])));
}

function toCsv(rows, names) {
    const field = value => /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
    return [names, ...rows.map(row => names.map(name => row[name] ?? ""))]
        .map(fields => fields.map(field).join(",") + "\n").join("");
}

function download(name, text) {
    const link = make("a", { download: name, href: URL.createObjectURL(new Blob([text], { type: "text/csv" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const SUPERSCRIPTS = { "-": "\u207b", 0: "\u2070", 1: "\u00b9", 2: "\u00b2", 3: "\u00b3", 4: "\u2074", 5: "\u2075", 6: "\u2076", 7: "\u2077", 8: "\u2078", 9: "\u2079" };
const raised = exponent => [...String(exponent)].map(one => SUPERSCRIPTS[one]).join("");

// A number in a text: 0.953, 68,339, 1.2 × 10⁸. Other texts stay as they are.
function shown(value) {
    const number = Number(value);
    if (value === "" || value === null || value === undefined || !Number.isFinite(number)) return String(value ?? "");
    const size = Math.abs(number);
    if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
        const [mantissa, exponent] = number.toExponential(2).split("e");
        return `${mantissa} × 10${raised(Number(exponent))}`.replace("-", MINUS);
    }
    return number.toLocaleString("en", { maximumSignificantDigits: 5 }).replace("-", MINUS);
}

const words = name => String(name).replaceAll("_", " ");
const unit = column => data.columns[column]?.unit || "";
const withUnit = (value, column) => [shown(value), unit(column)].filter(Boolean).join(" ");

// ---- networks -----------------------------------------------------------------------------------------------------

// A network is one condition of a build and a seed. Builds that share a job (a record) share its networks.
const networks = new Map();  // "RECORD:SEED" to its row
const jobs = new Map();  // a record to its condition
for (const build of data.builds) {
    for (const [name, condition] of Object.entries(build.conditions)) {
        if (!jobs.has(condition.record)) jobs.set(condition.record, { name, build, ...condition });
    }
    for (const row of parse(build.energy)) {
        const record = build.conditions[row.condition].record, id = `${record}:${row.seed}`;
        const known = networks.get(id);
        if (known) known.experiments.add(row.experiment);
        else networks.set(id, { ...row, id, record, collection: build.name, experiments: new Set([row.experiment]) });
    }
}

// The ids of the networks that a text such as "CONDITION:0,1 OTHER:0" names in a build.
function named(text, build) {
    return (text || "").split(" ").filter(Boolean).flatMap(one => {
        const [condition, seeds] = one.split(":");
        const job = build.conditions[condition];
        return job ? seeds.split(",").map(seed => `${job.record}:${seed}`) : [];
    });
}

const figures = new Map();  // by key: title, build, rows (each with its networks), marks
for (const build of data.builds) {
    for (const figure of build.figures) {
        const rows = parse(figure.csv);
        for (const row of rows) {
            row.ids = named(row.networks, build);
            // Those of a row's first condition are meant; others, such as backprop's, are compared with them.
            row.own = "verdict" in row ? row.ids : row.ids.filter(id => id.split(":")[0] === row.ids[0].split(":")[0]);
        }
        figures.set(figure.key, { ...figure, build, rows, isClaims: rows.length > 0 && "verdict" in rows[0], marks: [] });
    }
}

// ---- marks --------------------------------------------------------------------------------------------------------

// Call a function when an element comes near to what the window shows.
function whenNear(element, act) {
    const observer = new IntersectionObserver(entries => {
        if (entries.at(-1).isIntersecting) observer.disconnect(), act();
    }, { rootMargin: "100% 0px" });
    observer.observe(element);
}

// Draw a figure, whose SVG is a text until then, and find its marks: the element, the figure and the number of the row.
function drawFigure(figure) {
    const plot = plots.get(figure.key), text = plot.querySelector("noscript");
    if (!text) return;
    text.outerHTML = text.textContent;
    for (const group of plot.querySelectorAll("[data-rows]")) {
        const rows = group.dataset.rows.split(" ").map(Number);
        const parts = rows.length === 1 ? [group] : [...group.querySelectorAll("use")];
        parts.forEach((element, i) => {
            if (!(rows[i] in figure.rows)) return;
            element.dataset.row = rows[i];
            figure.marks.push({ element, figure, row: rows[i] });
        });
    }
    figure.marks.sort((one, other) => one.row - other.row);
    ringUsed(figure);
}

const plots = new Map();  // by key: the element
for (const plot of document.querySelectorAll(".plot")) {
    const key = plot.closest(".figure").dataset.figure;
    plots.set(key, plot);
    whenNear(plot, () => drawFigure(figures.get(key)));
}
addEventListener("beforeprint", () => figures.forEach(drawFigure));

// The place of a mark in its SVG: a rectangle, which is a point for most.
function place(mark) {
    if (!mark.place) {
        const { element } = mark;
        if (element.tagName === "use") {
            const x = Number(element.getAttribute("x")), y = Number(element.getAttribute("y"));
            mark.place = { x, y, width: 0, height: 0 };
        } else {
            const use = element.querySelectorAll("use");
            const only = use.length && !element.querySelector("text, g[transform]") ? use[0] : null;
            if (only && only.hasAttribute("x")) {
                mark.place = { x: Number(only.getAttribute("x")), y: Number(only.getAttribute("y")), width: 0, height: 0 };
            } else {
                const { x, y, width, height } = element.getBBox();
                mark.place = { x, y, width, height };
            }
        }
    }
    return mark.place;
}

// The mark that is nearest to a point of the window, within some pixels.
function nearest(figure, plot, clientX, clientY, within = 14) {
    const matrix = plot.querySelector("svg").getScreenCTM();
    const at = new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse());
    let best = null, least = within / matrix.a;
    for (const mark of figure.marks) {
        const { x, y, width, height } = place(mark);
        const right = Math.max(x - at.x, 0, at.x - x - width), down = Math.max(y - at.y, 0, at.y - y - height);
        // Of equally near marks, a mean is meant rather than the dot of a network or a line.
        const kind = figure.rows[mark.row].kind;
        const distance = Math.hypot(right, down) + (width > 20 ? 3 : kind === "run" || kind === "evaluation" ? 0.7 : 0);
        if (distance < least) [best, least] = [mark, distance];
    }
    return best;
}

// What a row says: lines of text, the first of which names it.
function said(figure, row) {
    if (figure.isClaims) {
        const interval = row.low ? ` (${shown(row.low)} to ${shown(row.high)})` : "";
        return [`${row.id}: ${row.reading || row.quantity}`, `${row.verdict}: ${shown(row.value) || row.reason}${interval}`,
            row.expected ? `expected: ${row.expected}` : "", row.quantity].filter(Boolean);
    }
    const kinds = { run: `network, seed ${row.seed}`, evaluation: "tried by a search", optimum: "least mean", best: "largest saving", share: "share" };
    const seeds = seedsOf(row);
    const kind = row.kind === "mean" ? `mean over ${seeds} seed${seeds === 1 ? "" : "s"}` : kinds[row.kind] || row.kind;
    const lines = [`${words(row.series)}: ${kind}`];
    if (row.y !== "") {
        const interval = row.low ? ` (95 % interval: ${shown(row.low)} to ${shown(row.high)})` : "";
        const [label, unit] = figure.axes.y[row.quantity];
        lines.push(`${label}: ${shown(row.y)} ${unit}${interval}`);
    }
    if (row.x !== "") {
        const interval = row.x_low ? ` (95 % interval: ${shown(row.x_low)} to ${shown(row.x_high)})` : "";
        const [label, unit] = figure.axes.x[row.panel] || ["", ""];
        lines.push(`${label ? `${label}: ` : ""}${words(shown(row.x))} ${unit}${interval}`);
    }
    if (row.reached === "False") lines.push("not all networks reached the goal");
    return lines;
}

// The parameters of a row that are not on its axes.
function settings(figure, row) {
    return ["width", "fraction", "plastic_units", "initial_sd"]
        .filter(name => row[name] && figure.axes.x[row.panel]?.[0] !== words(name))
        .map(name => `${words(name)}: ${withUnit(row[name], name)}`);
}

const seedsOf = row => new Set(row.ids.map(id => id.split(":")[1])).size;

const SVG = "http://www.w3.org/2000/svg";
function ring(mark, kind) {
    const { x, y, width, height } = place(mark), svg = plots.get(mark.figure.key).querySelector("svg");
    const circle = document.createElementNS(SVG, width > 20 ? "rect" : "ellipse");
    const values = width > 20 ? { x: x - 2, y: y - 2, width: width + 4, height: height + 4 }
        : { cx: x + width / 2, cy: y + height / 2, rx: width / 2 + 4.5, ry: height / 2 + 4.5 };
    for (const [name, value] of Object.entries(values)) circle.setAttribute(name, value);
    circle.setAttribute("class", `ring ${kind}`);
    svg.append(circle);
    return circle;
}

const tip = byId("tip"), told = byId("told");
let current = null, cursor = null;  // the mark that is pointed at, and its ring
function point(mark, clientX, clientY) {
    if (mark === current) return mark && moveTip(clientX, clientY);
    current = mark;
    cursor?.remove();
    cursor = null;
    tip.hidden = !mark;
    if (!mark) return;
    cursor = ring(mark, "now");
    const { figure } = mark, row = figure.rows[mark.row];
    tip.textContent = [...said(figure, row), ...settings(figure, row)].join("\n");
    moveTip(clientX, clientY);
}

function moveTip(clientX, clientY) {
    const { offsetWidth: width, offsetHeight: height } = tip;
    tip.style.left = `${Math.max(4, Math.min(clientX + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${clientY + height + 24 > innerHeight ? clientY - height - 12 : clientY + 16}px`;
}

for (const [key, plot] of plots) {
    const figure = figures.get(key);
    plot.addEventListener("pointermove", event => {
        const mark = nearest(figure, plot, event.clientX, event.clientY, event.pointerType === "touch" ? 24 : 14);
        plot.style.cursor = mark ? "pointer" : "";
        point(mark, event.clientX, event.clientY);
    });
    plot.addEventListener("pointerleave", () => point(null));
    plot.addEventListener("blur", () => point(null));
    plot.addEventListener("click", event => {
        const mark = nearest(figure, plot, event.clientX, event.clientY, 24);
        if (mark) ask(figure, mark.row, plot);
    });
    plot.addEventListener("keydown", event => walk(event, figure, plot));
}

// Left and right go from mark to mark, up and down from series to series.
function walk(event, figure, plot) {
    drawFigure(figure);
    const { marks } = figure, last = marks.length - 1;
    const at = current?.figure === figure ? marks.indexOf(current) : -1;
    const group = mark => ["panel", "series", "kind", "id"].map(name => figure.rows[mark.row][name]).join();
    let to;
    if (event.key === "ArrowRight") to = Math.min(at + 1, last);
    else if (event.key === "ArrowLeft") to = Math.max(at - 1, 0);
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = last;
    else if (event.key === "ArrowDown") {
        to = marks.findIndex((mark, i) => i > at && (at < 0 || group(mark) !== group(marks[at])));
        if (to < 0) to = last;
    } else if (event.key === "ArrowUp") {
        to = marks.findLastIndex((mark, i) => i < at && group(mark) !== group(marks[at]));
        if (to < 0) to = 0;
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
        event.preventDefault();
        return ask(figure, marks[at].row, plot);
    } else return;
    event.preventDefault();
    if (last < 0) return;
    const { x, y, width } = place(marks[to]);
    const svg = plot.querySelector("svg");
    const screen = new DOMPoint(x + width / 2, y).matrixTransform(svg.getScreenCTM());
    point(marks[to], screen.x, screen.y);
    told.textContent = tip.textContent.replaceAll("\n", ", ");
}

// ---- the panel ----------------------------------------------------------------------------------------------------

const panel = byId("panel"), answer = byId("answer");
let before = null, rings = [], ringed = new Map();  // the rows, by figure, of the networks in the panel

function copyable(text, tag = "pre") {
    const button = make("button", {
        onclick: async () => {
            try { await navigator.clipboard.writeText(text); } catch {
                const area = make("textarea", { class: "unseen" });
                area.value = text;
                document.body.append(area);
                area.select();
                document.execCommand("copy");
                area.remove();
            }
            button.textContent = "copied";
            told.textContent = "copied";
        },
    }, "copy");
    return make("div", {}, make(tag, { tabindex: tag === "pre" ? 0 : undefined }, make("code", {}, text)), button);
}

// Rows of networks as a table; a column is left out if all are empty.
function tabled(rows, names, caption) {
    const used = names.filter(name => rows.some(row => row[name] !== "" && row[name] !== undefined));
    const head = make("tr", {}, ...used.map(name => make("th", { scope: "col", title: data.columns[name]?.help }, words(name), unit(name) ? ` (${unit(name)})` : "")));
    const body = rows.map(row => make("tr", {}, ...used.map(name => {
        const number = data.columns[name]?.number;
        return make("td", number ? { class: "number" } : {}, shown(row[name]));
    })));
    return make("table", {}, caption ? make("caption", { class: "unseen" }, caption) : null, make("thead", {}, head), make("tbody", {}, ...body));
}

function chain(job, path) {
    const { build } = job, records = build.sources;
    const images = Object.entries(records[path]?.sha256 || {});
    return make("li", {}, make("code", {}, path), make("br"), "record ", make("code", {}, records[path].record),
        images.length ? make("ul", {}, ...images.map(([file, hash]) => make("li", {}, make("code", {}, file), " sha256 ", make("code", {}, hash)))) : null,
        records[path].from.length ? make("ul", {}, ...records[path].from.map(one => chain(job, one))) : null);
}

const PARAMETERS = ["rule", ...Object.keys(data.columns).filter(name => data.columns[name].parameter && !["rule", "seed"].includes(name))];

function described(record, ids) {
    const job = jobs.get(record), rows = ids.map(id => networks.get(id));
    const mean = quantity => job[quantity] ? [make("dt", {}, `mean ${quantity}`),
        make("dd", {}, `${withUnit(job[quantity][0], quantity)} ${job[quantity][1] === null ? "(one network)" : `(95 % interval: ${shown(job[quantity][1])} to ${shown(job[quantity][2])})`}`)] : [];
    const given = PARAMETERS.filter(name => rows[0][name] !== "");
    const first = given.filter(name => ["rule", "width", "fraction", "plastic_units", "initial_sd", "criterion", "gate"].includes(name));
    const values = names => make("dl", { class: "made" }, ...names.flatMap(name => [
        make("dt", { title: data.columns[name].help }, words(name)), make("dd", {}, words(withUnit(rows[0][name], name)))]));
    return make("div", { class: "condition", "data-record": record },
        make("h3", {}, job.name),
        make("p", {}, first.map(name => `${words(name)} ${words(withUnit(rows[0][name], name))}`).join(", ")),
        make("dl", { class: "made" }, make("dt", {}, "reached the goal"), make("dd", {}, `${job.reached} of ${job.networks} networks`),
            ...mean("M0"), ...mean("M1"), ...mean("trials")),
        make("h4", {}, rows.length === 1 ? "Train it again" : "Train them again"),
        copyable(`${job.command} --seed ${rows.map(row => row.seed).join(" ")} --output -`),
        make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Networks of ${job.name}` },
            tabled(rows, ["seed", "trials", "M0", "M1", "accuracy", "reached"], `Networks of ${job.name}`)),
        make("details", {}, make("summary", {}, "All parameters"), values(given)),
        make("details", {}, make("summary", {}, "Where they come from"),
            make("ul", { class: "chain" }, make("li", {}, make("code", {}, job.file), make("br"), "record ", make("code", {}, job.record),
                make("ul", {}, ...job.from.map(path => chain(job, path)))))));
}

// In which figures and claims some networks are.
function uses(ids) {
    const wanted = new Set(ids), found = { figures: [], claims: [] };
    for (const figure of figures.values()) {
        const rows = figure.rows.filter(row => row.own.some(id => wanted.has(id)));
        if (!rows.length) continue;
        if (figure.isClaims) {
            for (const id of new Set(rows.map(row => row.id))) found.claims.push({ build: figure.build, id, readings: rows.filter(row => row.id === id) });
        } else found.figures.push({ figure, rows });
    }
    return found;
}

function usesList(found) {
    const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
    return make("div", {},
        make("h4", {}, "Claims that use them"),
        found.claims.length ? make("ul", {}, ...found.claims.map(({ build, id, readings }) => make("li", {},
            make("a", { href: `#claim-${build.name}-${id}` }, id), ` (${plural(readings.length, "reading")}: ${[...new Set(readings.map(one => one.verdict))].join(", ")})`))) : "none",
        make("h4", {}, "Figures that show them"),
        found.figures.length ? make("ul", {}, ...found.figures.map(({ figure }) => make("li", {},
            make("a", { href: `#${figure.key}` }, `${figure.number}. ${figure.title}`)))) : "none");
}

function clear() {
    for (const one of rings) one.remove();
    [rings, ringed] = [[], new Map()];
    for (const one of document.querySelectorAll(".used")) one.classList.remove("used");
}

// Ring the marks of networks in all figures, and mark the claims that use them.
function highlight(found) {
    clear();
    for (const { figure, rows } of found.figures) {
        ringed.set(figure, new Set(rows));
        byId(figure.key).classList.add("used");
        ringUsed(figure);
    }
    for (const { build, id } of found.claims) byId(`claim-${build.name}-${id}`)?.classList.add("used");
}

function ringUsed(figure) {
    for (const mark of figure.marks) if (ringed.get(figure)?.has(figure.rows[mark.row])) rings.push(ring(mark, "same"));
}

function open(heading, parts, from) {
    before = from;
    byId("panel-heading").textContent = heading;
    answer.replaceChildren(...parts);
    panel.hidden = false;
    panel.scrollTop = 0;
    document.body.classList.add("answering");
    byId("panel-heading").focus({ preventScroll: true });
}

function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    document.body.classList.remove("answering");
    clear();
    remember({ row: null, network: null });
    before?.focus({ preventScroll: true });
}
byId("close").addEventListener("click", close);
addEventListener("keydown", event => { if (event.key === "Escape") close(); });

const MANY = 12;  // conditions that are described at once; the others on demand
function conditionsOf(ids) {
    const byRecord = new Map();
    for (const id of ids) {
        if (!networks.has(id)) continue;
        const record = id.split(":")[0];
        byRecord.set(record, [...(byRecord.get(record) || []), id]);
    }
    const entries = [...byRecord];
    if (entries.length <= MANY) return entries.map(entry => described(...entry));
    return [make("p", {}, `${entries.length} conditions:`), ...entries.map(entry => {
        const details = make("details", {}, make("summary", {}, jobs.get(entry[0]).name));
        details.addEventListener("toggle", () => details.childElementCount > 1 || details.append(described(...entry)), { once: true });
        return details;
    })];
}

// Show the networks behind a row of a figure or of the claims.
function ask(figure, number, from) {
    const row = figure.rows[number], [name, ...lines] = said(figure, row), ids = [...new Set(row.ids)], found = uses(row.own);
    const where = figure.isClaims ? row.claim.replace(/10\^(\d+)/g, (_, exponent) => `10${raised(exponent)}`) : `Figure ${figure.number}${row.panel ? `, panel ${row.panel}` : ""}: ${figure.title}`;
    const none = row.kind === "evaluation" ? "A search tried this rule; the search's table is in runs.zip beside the figure." : "The table of plotted numbers names no networks here.";
    const compared = row.own.length < ids.length
        ? make("p", {}, `The value compares ${jobs.get(ids[0].split(":")[0]).name} with the other networks below, seed by seed.`) : null;
    open(name, [make("p", {}, where), make("p", { class: "big" }, ...lines.flatMap(line => [line, make("br")])),
        compared, ...(ids.length ? conditionsOf(ids) : [make("p", {}, none)]), usesList(found),
        make("h4", {}, "This value"), make("p", {}, "row ", make("code", {}, String(number + 1)), " of ", make("code", {}, `${figure.file}.csv`))].filter(Boolean), from);
    highlight(found);
    remember({ row: `${figure.key}:${number}`, network: null });
}

function askNetwork(id, from) {
    const network = networks.get(id), job = jobs.get(network.record);
    const found = uses([id]);
    open(`${job.name}, seed ${network.seed}`, [
        make("p", { class: "big" }, `M0 ${withUnit(network.M0, "M0")}, M1 ${withUnit(network.M1, "M1")}, ${withUnit(network.trials, "trials")}`),
        ...conditionsOf([id]), usesList(found)], from);
    highlight(found);
    remember({ network: id, row: null });
}

for (const button of document.querySelectorAll("button.ask")) {
    button.addEventListener("click", () => ask(figures.get(button.dataset.figure), Number(button.dataset.row), button));
}

// Buttons that show the lowest and the highest mark of each panel.
for (const place of document.querySelectorAll(".extremes")) {
    const figure = figures.get(place.dataset.figure);
    if (figure.isClaims) continue;
    const panels = new Set(figure.rows.filter(row => row.ids.length && row.y !== "").map(row => row.panel));
    const show = (sign, panel) => event => {
        drawFigure(figure);
        const rows = figure.marks.map(mark => mark.row).filter(row => figure.rows[row].panel === panel && figure.rows[row].y !== "");
        ask(figure, rows.reduce((best, row) => sign * (figure.rows[row].y - figure.rows[best].y) > 0 ? row : best), event.target);
    };
    for (const [name, sign] of [["lowest", -1], ["highest", 1]]) {
        place.append(make("span", {}, `Mark of the ${name} value in panel `, ...[...panels].flatMap(panel => [
            make("button", { class: "ask", "aria-label": `Mark of the ${name} value in panel ${panel}`, onclick: show(sign, panel) }, panel), " "])));
    }
}

// ---- claims that rest on some networks ----------------------------------------------------------------------------

// List only the claims with a reading that uses networks of a rule and a width, and of their readings only those.
function listClaims() {
    const wanted = ["rule", "width"].map(name => [name, byId(`resting-${name}`).value]).filter(([, value]) => value);
    const rests = button => figures.get(button.dataset.figure).rows[button.dataset.row].ids
        .some(id => wanted.every(([name, value]) => networks.get(id)[name] === value));
    const claims = [...document.querySelectorAll(".claim")];
    for (const claim of claims) {
        claim.hidden = true;
        for (const button of claim.querySelectorAll("button.ask")) {
            const hidden = wanted.length > 0 && !rests(button), reading = button.closest(".readings tr");
            if (reading) reading.hidden = hidden;
            if (!hidden) claim.hidden = false;
        }
    }
    byId("resting-count").textContent = wanted.length ? `${claims.filter(claim => !claim.hidden).length} of ${claims.length} claims; of their readings, only those are listed` : "";
}

const used = [...figures.values()].filter(figure => figure.isClaims).flatMap(figure => figure.rows.flatMap(row => row.ids));
byId("resting").append("List the claims that rest on networks with", ...["rule", "width"].map(name => {
    const values = [...new Set(used.map(id => networks.get(id)[name]))].sort((one, other) => one - other || (one < other ? -1 : 1));
    return make("label", {}, `${name} `, make("select", { id: `resting-${name}`, onchange: listClaims }, make("option", { value: "" }, "any"),
        ...values.map(value => make("option", { value }, words(shown(value))))));
}), make("output", { id: "resting-count" }));

// ---- tables, downloads, commands ----------------------------------------------------------------------------------

for (const button of document.querySelectorAll("button.csv")) {
    const figure = figures.get(button.dataset.figure);
    button.addEventListener("click", () => download(`${figure.file.split("/").at(-1)}.csv`, figure.csv));
}
for (const details of document.querySelectorAll("details.numbers")) {
    details.addEventListener("toggle", () => {
        const { rows, key, title } = figures.get(details.dataset.figure);
        const names = Object.keys(rows[0]).filter(name => !["ids", "networks", "own"].includes(name));
        const table = tabled(rows, names, title);
        [...table.tBodies[0].rows].forEach((line, i) => line.append(make("td", {}, make("button", { class: "ask", onclick: event => ask(figures.get(key), i, event.target) }, "networks"))));
        table.tHead.rows[0].append(make("th", { scope: "col" }, "networks"));
        details.append(make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Numbers of: ${title}` }, table));
    }, { once: true });
}
for (const code of document.querySelectorAll("code.copy")) code.replaceWith(copyable(code.textContent, "span"));

// ---- the address keeps the state ----------------------------------------------------------------------------------

const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
function remember(changes) {
    for (const [name, value] of Object.entries(changes)) {
        if (value === null || value === undefined || value === "") state.delete(name);
        else state.set(name, value);
    }
    history.replaceState(null, "", `#${state}`);
}

// The explorer and its plotting library are texts until they are needed.
whenNear(byId("explorer"), () => {
    for (const script of document.querySelectorAll("script.later")) script.replaceWith(make("script", {}, script.textContent));
});

// What the address asks for.
if (state.has("row")) {
    const [key, row] = state.get("row").split(":");
    if (figures.get(key)?.rows[row]) { ask(figures.get(key), Number(row), plots.get(key)); plots.get(key)?.scrollIntoView({ block: "center" }); }
} else if (state.has("network") && networks.has(state.get("network"))) askNetwork(state.get("network"), byId("explorer"));
else if (location.hash.includes("=")) byId("explorer").scrollIntoView();
