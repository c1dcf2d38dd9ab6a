// The explorer: all networks, drawn by Vega-Lite. What is chosen is kept in the address of the page (see `remember`).
"use strict";

const ALL = [...networks.values()];
for (const network of ALL) network.experiments = [...network.experiments].join(" ");
const TEXTS = ["collection", "experiments", "reached", ...Object.keys(data.columns).filter(name => !data.columns[name].number)];
const varies = name => new Set(ALL.map(network => network[name])).size > 1;
const NUMBERS = Object.keys(data.columns).filter(name => data.columns[name].number && varies(name));
const CATEGORIES = TEXTS.filter(varies);
const COLUMNS = [...NUMBERS, ...CATEGORIES];
const FIRST = ["width", "trials", "M0", "M1", "accuracy"];  // among the choices of an axis
const LISTED = ["rule", "width", "fraction", "plastic_units", "initial_sd", "goal", "seed", "trials", "M0", "M1", "accuracy", "reached", "collection"];
const DEFAULTS = { x: "width", y: "M0", colour: "rule", xlog: "1", ylog: "1" };
const MOST_LISTED = 200, MOST_VALUES = 60;

const chosen = name => state.get(name) ?? DEFAULTS[name];
const isNumber = name => Boolean(data.columns[name]?.number);
const axisTitle = name => words(name) + (unit(name) ? ` (${unit(name)})` : "");
let view = null, sortBy = null, selection = null;

// ---- what is chosen -----------------------------------------------------------------------------------------------

function choice(name, label, options) {
    const select = make("select", { id: `choose-${name}`, onchange: event => set({ [name]: event.target.value }) },
        ...options.map(one => make("option", { value: one, ...(one === chosen(name) ? { selected: "" } : {}) }, axisTitle(one))));
    return make("label", {}, label, select);
}

function tick(name, label) {
    const box = make("input", { type: "checkbox", id: `choose-${name}`, onchange: event => set({ [name]: event.target.checked ? "1" : "0" }) });
    box.checked = chosen(name) === "1";
    return make("label", {}, box, label);
}

function set(changes) {
    remember({ ...changes, brush: null });
    selection = null;
    draw();
}

const columnsFirst = [...FIRST, ...COLUMNS.filter(name => !FIRST.includes(name))];
function drawForm() {
    byId("choose").replaceChildren(choice("x", "across", columnsFirst), tick("xlog", "logarithmic"), choice("y", "up", columnsFirst),
        tick("ylog", "logarithmic"), choice("colour", "colour", ["rule", ...COLUMNS.filter(name => name !== "rule")]),
        make("label", {}, "add a filter", make("select", {
            id: "add-filter", onchange: event => { if (event.target.value) set({ [`f.${event.target.value}`]: "*" }); drawFilters(); },
        }, make("option", { value: "" }, "\u2026"), ...COLUMNS.filter(name => !state.has(`f.${name}`)).map(name => make("option", { value: name }, words(name))))));
}
byId("choose").addEventListener("submit", event => event.preventDefault());

// A filter is a list of values (a|b), or limits (low..high); * allows all.
const filters = () => [...state].filter(([name]) => name.startsWith("f.")).map(([name, allowed]) => [name.slice(2), allowed]);

function passes(network, name, allowed) {
    if (allowed === "*") return true;
    const value = network[name];
    if (allowed.includes("..")) {
        const [low, high] = allowed.split("..");
        return value !== "" && (low === "" || Number(value) >= Number(low)) && (high === "" || Number(value) <= Number(high));
    }
    const values = allowed.split("|");
    return name === "experiments" ? value.split(" ").some(one => values.includes(one)) : values.includes(value);
}

function valuesOf(name) {
    const values = new Set(ALL.flatMap(network => name === "experiments" ? network[name].split(" ") : [network[name]]));
    return [...values].sort(isNumber(name) ? (one, other) => one - other : undefined);
}

function drawFilters() {
    byId("filters").replaceChildren(...filters().map(([name, allowed]) => {
        const remove = make("button", { type: "button", "aria-label": `Remove the filter ${words(name)}`, onclick: () => { set({ [`f.${name}`]: null }); drawFilters(); } }, "✕");
        const values = valuesOf(name);
        let inputs;
        if (values.length > MOST_VALUES) {
            const [low, high] = allowed.includes("..") ? allowed.split("..") : ["", ""];
            const limit = (label, value, i) => make("label", {}, label, make("input", {
                type: "number", step: "any", value, size: 10, onchange: event => {
                    const limits = (state.get(`f.${name}`).includes("..") ? state.get(`f.${name}`) : "..").split("..");
                    limits[i] = event.target.value;
                    set({ [`f.${name}`]: limits.join("..") });
                },
            }));
            inputs = [limit("from", low, 0), limit("to", high, 1)];
        } else {
            const on = allowed === "*" ? null : new Set(allowed.split("|"));
            inputs = values.map(value => {
                const box = make("input", {
                    type: "checkbox", value, onchange: () => {
                        const boxes = [...fieldset.querySelectorAll("input")].filter(one => one.checked).map(one => one.value);
                        set({ [`f.${name}`]: boxes.length ? boxes.join("|") : "*" });
                    },
                });
                box.checked = Boolean(on?.has(value));
                return make("label", {}, box, value === "" ? "(none)" : words(isNumber(name) ? shown(value) : value));
            });
        }
        const fieldset = make("fieldset", { "data-filter": name }, make("legend", {}, axisTitle(name), " ", remove), ...inputs);
        return fieldset;
    }));
}

// ---- the plot -----------------------------------------------------------------------------------------------------

const filtered = () => ALL.filter(network => filters().every(([name, allowed]) => passes(network, name, allowed)));
const isLog = axis => chosen(`${axis}log`) === "1" && isNumber(chosen(axis));
const drawable = network => ["x", "y"].every(axis => {
    const value = network[chosen(axis)];
    return isNumber(chosen(axis)) ? value !== "" && Number.isFinite(Number(value)) && (!isLog(axis) || Number(value) > 0) : true;
});

function channel(axis) {
    const name = chosen(axis);
    const common = { field: axis, title: axisTitle(name) };
    if (!isNumber(name)) return { ...common, type: "nominal", axis: { labelLimit: 160 } };
    return { ...common, type: "quantitative", scale: { type: isLog(axis) ? "log" : "linear", ...(isLog(axis) ? {} : { zero: false }), nice: true }, axis: { tickCount: 6, labelExpr: "shortly(datum.value)" } };
}

// The label of a tick: as `shown`, but 10⁸ instead of 1.00 × 10⁸.
const shortly = value => shown(value).replace(/\.?0+(?= × )/, "").replace(/^1 × /, "");

// A colour on a dark background: halfway to white if it is dark.
function lighter(colour) {
    const parts = [1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16));
    const share = Math.max(0, 0.75 - Math.max(...parts) / 255);
    return `rgb(${parts.map(one => Math.round(one + (255 - one) * share)).join()})`;
}

// Rules have the colours of the figures.
function colours() {
    const name = chosen("colour"), dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const legend = { title: axisTitle(name), symbolLimit: 40, columns: innerWidth < 640 ? 2 : 1, orient: innerWidth < 640 ? "bottom" : "right" };
    const values = new Set(ALL.map(network => network[name]));
    if (isNumber(name) && values.size > 12) return { field: "c", type: "quantitative", scale: { scheme: "viridis", type: name === "accuracy" ? "linear" : "log", reverse: dark }, legend };
    if (name === "rule") {
        const rules = Object.keys(data.colours).filter(rule => values.has(rule));
        const range = rules.map(rule => dark ? lighter(data.colours[rule]) : data.colours[rule]);
        return { field: "c", type: "nominal", scale: { domain: rules, range }, legend: { ...legend, labelExpr: "replace(datum.label, /_/g, ' ')" } };
    }
    return { field: "c", type: isNumber(name) ? "ordinal" : "nominal", scale: { scheme: isNumber(name) ? "viridis" : "tableau20" }, legend };
}

function spec(rows) {
    const style = getComputedStyle(document.documentElement), colour = name => style.getPropertyValue(name).trim();
    const value = (network, name) => isNumber(name) && network[name] !== "" ? Number(network[name]) : network[name] || "none";
    const values = rows.map(network => ({
        id: network.id, x: value(network, chosen("x")), y: value(network, chosen("y")), c: value(network, chosen("colour")),
        says: [`${words(network.rule)}, width ${shown(network.width)}, seed ${network.seed}`, `${words(chosen("x"))} ${withUnit(network[chosen("x")], chosen("x"))}`,
            `${words(chosen("y"))} ${withUnit(network[chosen("y")], chosen("y"))}`].join("\n"),
    })).filter(row => !isNumber(chosen("colour")) || row.c !== "none");
    return {
        $schema: "https://vega.github.io/schema/vega-lite/v6.json",
        description: `${values.length} networks: ${axisTitle(chosen("y"))} against ${axisTitle(chosen("x"))}, coloured by ${words(chosen("colour"))}.`,
        width: "container", height: innerWidth < 640 ? 320 : 420, background: null,
        autosize: { type: "fit-x", contains: "padding" },
        data: { values },
        params: [{ name: "brush", select: { type: "interval", encodings: ["x", "y"].filter(axis => isNumber(chosen(axis))) } }],
        mark: { type: "point", filled: true, size: 28, opacity: 0.75, cursor: "pointer" },
        encoding: {
            x: channel("x"), y: channel("y"), color: colours(), tooltip: { field: "says" },
            opacity: { condition: { param: "brush", value: 0.8 }, value: 0.12 },
        },
        config: {
            view: { stroke: colour("--line") },
            axis: { labelColor: colour("--text"), titleColor: colour("--text"), gridColor: colour("--line"), gridOpacity: 0.5, domainColor: colour("--soft"), tickColor: colour("--soft"), labelFontSize: 12, titleFontSize: 13, titleFontWeight: 500 },
            legend: { labelColor: colour("--text"), titleColor: colour("--text"), labelFontSize: 12, titleFontSize: 12 },
            aria: false,  // the plot has a description and a table; a thousand labelled dots help nobody
        },
    };
}

let drawn = 0;
async function draw() {
    drawForm();
    const rows = filtered(), plotted = rows.filter(drawable), turn = ++drawn;
    const chart = byId("chart");
    const given = spec(plotted);
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", given.description);
    const embedded = await vegaEmbed(chart, given, { actions: false, renderer: "svg", expressionFunctions: { shortly }, tooltip: { theme: "dark" } });
    if (turn !== drawn) return embedded.finalize();
    view?.finalize();
    view = embedded.view;
    view.addEventListener("click", (_, item) => { if (item?.datum?.id) askNetwork(item.datum.id, byId("choose-x")); });
    if (["x", "y"].some(axis => isNumber(chosen(axis)))) {
        view.addSignalListener("brush", (_, ranges) => { selection = ranges && Object.keys(ranges).length ? ranges : null; list(); });
    }
    list();
}

// The networks that pass the filters and are within the selected rectangle.
function selected() {
    const rows = filtered();
    if (!selection) return rows;
    return rows.filter(drawable).filter(network => Object.entries(selection).every(([axis, [one, other]]) => {
        const value = Number(network[chosen(axis)]);
        return value >= Math.min(one, other) && value <= Math.max(one, other);
    }));
}

// ---- the networks that are selected -------------------------------------------------------------------------------

let waiting = 0;
function list() {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(listNow);
}

function listNow() {
    const rows = selected(), conditions = new Set(rows.map(row => row.record)).size;
    byId("selected").textContent = `${rows.length.toLocaleString("en")} networks of ${conditions.toLocaleString("en")} conditions${selection ? " in the selected area" : ""}.`;
    byId("unselect").hidden = !selection;
    const narrowed = rows.length < ALL.length;
    byId("uses").replaceChildren(...(narrowed ? [make("details", { open: rows.length <= 400 ? "" : undefined }, make("summary", {}, "Which claims and figures use them"), usesList(uses(rows.map(row => row.id))))] : []));
    const [by, down] = sortBy || [isNumber(chosen("y")) ? chosen("y") : "M0", false];
    const key = row => isNumber(by) ? (row[by] === "" ? Infinity : Number(row[by])) : row[by];
    const sorted = [...rows].sort((one, other) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0) * (down ? -1 : 1));
    const names = [...new Set([...LISTED, chosen("x"), chosen("y")])];
    const head = make("tr", {}, make("th", { scope: "col" }, "network"), ...names.map(name => make("th", { scope: "col", "aria-sort": name === by ? (down ? "descending" : "ascending") : undefined },
        make("button", { type: "button", class: "sort", title: data.columns[name]?.help, onclick: () => { sortBy = [name, name === by && !down]; list(); } }, words(name) + (name === by ? (down ? " ▼" : " ▲") : "")))));
    const body = sorted.slice(0, MOST_LISTED).map(row => make("tr", {}, make("td", {}, make("button", { type: "button", class: "ask", "aria-label": `Show ${jobs.get(row.record).name}, seed ${row.seed}`, onclick: event => askNetwork(row.id, event.target) }, "show")),
        ...names.map(name => make("td", isNumber(name) ? { class: "number" } : {}, isNumber(name) ? shown(row[name]) : words(row[name])))));
    byId("listed").replaceChildren(make("table", {}, make("caption", { class: "unseen" }, "Selected networks"), make("thead", {}, head), make("tbody", {}, ...body)),
        rows.length > MOST_LISTED ? make("p", {}, `The first ${MOST_LISTED} are listed; the download has all.`) : "");
}

const EXPORTED = ["collection", ...Object.keys(parse(data.builds[0].energy.split("\n", 2).join("\n") + "\n")[0]).filter(name => name !== "experiment"), "experiments", "record"];
byId("download").addEventListener("click", () => download("networks.csv", toCsv(selected(), EXPORTED)));
byId("unselect").addEventListener("click", () => set({}));

// Networks that did not reach the goal, or have an uncommon goal, are shown if they are asked for: many cost little.
if (![...state.keys()].some(name => name.startsWith("f.") || name in DEFAULTS)) {
    const goals = [...Map.groupBy(ALL, network => network.goal)].filter(([, some]) => some.length > ALL.length / 10);
    state.set("f.reached", "True");
    state.set("f.goal", goals.map(([goal]) => goal).join("|"));
}
drawFilters();
draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
