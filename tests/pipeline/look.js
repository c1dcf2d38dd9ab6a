// Looks at every page of the report, and leaves what was seen in the document.

const pause = () => new Promise(done => setTimeout(done, 300));

async function show(content, path) {
    app.setView({ content, contentPath: path && results[path].data_uri });
    await pause();
    if (path) app.showResultInfo(path);
    await pause();
}

function isBlank(image) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 200;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, 200, 200);
    return new Set(new Uint32Array(context.getImageData(0, 0, 200, 200).data.buffer)).size < 3;
}

async function look(seen) {
    await pause();
    seen.text = document.querySelector(".prose").innerText;
    seen.graph = document.querySelectorAll("#rulegraph canvas, #rulegraph svg").length;
    for (const path in results) {
        if (!results[path].mime_type.startsWith("image")) continue;
        await show("img", path);
        const image = document.querySelector("img[src^='data:image']:not(nav img)");
        await image.decode();
        const { left, top, right, bottom, width, height } = image.getBoundingClientRect();
        seen.figures[path] = {
            caption: document.querySelector("nav .prose").innerText,
            cut: left < 0 || top < 0 || right > innerWidth || bottom > innerHeight,
            blank: isBlank(image),
            scale: Math.min(width / image.naturalWidth, height / image.naturalHeight),
        };
    }
    await show("stats");
    seen.charts = document.querySelectorAll("#runtimes canvas, #timeline canvas").length;
    await show("rulegraph", Object.keys(results).find(path => path.endsWith("claims.csv")));
    seen.claims = Array.from(document.querySelectorAll("nav .prose tr"), row => row.innerText);
    const loads = performance.getEntriesByType("resource").map(entry => entry.name);
    problems.push(...loads.filter(name => !name.startsWith("data:")));
}

function leave(seen) {
    document.body.innerHTML = "<pre id=seen></pre>";
    document.querySelector("#seen").textContent = JSON.stringify(seen);
}

const seen = { problems, figures: {} };
look(seen).catch(reason => problems.push(String(reason))).finally(() => leave(seen));
