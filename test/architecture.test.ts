import { expect, test } from "bun:test";
import { dirname, join, normalize } from "node:path";

const src = join(import.meta.dir, "../src");
const transpiler = new Bun.Transpiler({ loader: "ts" });

interface Import {
	readonly from: string;
	readonly to: string;
	/** Gone at run time. */
	readonly isType: boolean;
}

/** Every import between our own files, with paths from src on: `tasks/routes.ts`. */
async function scan(): Promise<readonly Import[]> {
	const found: Import[] = [];
	for await (const from of new Bun.Glob("**/*.ts").scan({ cwd: src })) {
		const text = await Bun.file(join(src, from)).text();
		const atRunTime = new Set(transpiler.scanImports(text).map(({ path }) => path));
		for (const [, path = ""] of text.matchAll(/(?:from|import\(|import) ?"(\.{1,2}\/[^"]+)"/g)) {
			const to = normalize(join(dirname(from), path));
			if (to.endsWith(".ts")) found.push({ from, to, isType: !atRunTime.has(path) });
		}
	}
	return found;
}

const imports = await scan();

/** The folder that a file is in, or the file itself directly in src/. */
function moduleOf(file: string): string {
	return file.split("/")[0] ?? "";
}

const shared = ["kernel", "http"];
const roots = ["main.ts", "app.ts", "config.ts"];
const modules = [...new Set(imports.map(({ from }) => moduleOf(from)))].filter(
	(name) => ![...shared, ...roots, "storage", "cli"].includes(name),
);

function breaches(
	isBreach: (found: Import & { readonly module: string; readonly target: string }) => boolean,
): string[] {
	return imports
		.filter((found) => isBreach({ ...found, module: moduleOf(found.from), target: moduleOf(found.to) }))
		.map(({ from, to }) => `${from} imports ${to}`);
}

test("the scan finds the modules and their imports", () => {
	expect(modules).toEqual(
		expect.arrayContaining(["auth", "events", "health", "openapi", "rate-limit", "tasks"]),
	);
	expect(imports).toContainEqual({ from: "main.ts", to: "cli/program.ts", isType: false });
	expect(imports).toContainEqual({ from: "storage/storage.ts", to: "metrics/store.ts", isType: true });
	expect(imports.length).toBeGreaterThan(150);
});

test("beside the start, the composition root and the environment, src/ has folders alone", async () => {
	const files = await Array.fromAsync(new Bun.Glob("*").scan({ cwd: src }));
	expect(files.toSorted()).toEqual(roots.toSorted());
});

test("every file that is imported exists", async () => {
	const missing: string[] = [];
	for (const { from, to } of imports) {
		if (!(await Bun.file(join(src, to)).exists())) missing.push(`${from} imports ${to}`);
	}
	expect(missing).toEqual([]);
});

test("the kernel imports itself alone, and the reader of the environment imports only the kernel", () => {
	expect(breaches(({ module, target }) => module === "kernel" && target !== "kernel")).toEqual([]);
	expect(breaches(({ module, target }) => module === "config.ts" && target !== "kernel")).toEqual([]);
});

test("http/ imports only the kernel", () => {
	expect(breaches(({ module, target }) => module === "http" && !shared.includes(target))).toEqual([]);
});

test("a module imports the kernel, http/, itself, and only types of the configuration and of another module's store", () => {
	const mayImport = (found: Import, module: string, target: string) =>
		target === module ||
		shared.includes(target) ||
		(found.isType && (target === "config.ts" || found.to === `${target}/store.ts`));
	expect(
		breaches((found) => modules.includes(found.module) && !mayImport(found, found.module, found.target)),
	).toEqual([]);
});

test("storage imports the kernel, the configuration, and of a module only its store and collection", () => {
	const may = (to: string, target: string) =>
		["kernel", "config.ts", "storage"].includes(target) ||
		/^[^/]+\/(?:[^/]+\/)?(?:store|collection)\.ts$/.test(to);
	expect(breaches(({ module, to, target }) => module === "storage" && !may(to, target))).toEqual([]);
});

test("the services of tasks, jobs and auth, and what they import, know no HTTP", () => {
	const next = Map.groupBy(imports, ({ from }) => from);
	const reached = new Set([
		"tasks/service.ts",
		"tasks/claims/service.ts",
		"tasks/comments/service.ts",
		"jobs/service.ts",
		"auth/service.ts",
		"auth/users.ts",
		"auth/access-tokens.ts",
		"auth/actors.ts",
		"auth/token-uses.ts",
	]);
	for (const file of reached) {
		for (const { to, isType } of next.get(file) ?? []) if (!isType) reached.add(to);
	}
	expect(breaches(({ from, to }) => reached.has(from) && to.startsWith("http/"))).toEqual([]);
});

test("only the composition root and the commands open the storage", () => {
	const may = ["storage", "cli", "app.ts"];
	expect(breaches(({ module, target }) => target === "storage" && !may.includes(module))).toEqual([]);
});

test("what is generic in storage names no collection", async () => {
	const named: string[] = [];
	for await (const file of new Bun.Glob("storage/**/*.ts").scan({ cwd: src })) {
		if (/\/collections[./]/.test(file)) continue;
		const code = (await Bun.file(join(src, file)).text()).replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, "");
		if (/\b(task|job)/i.test(code)) named.push(file);
	}
	expect(named).toEqual([]);
});

test("neither dialect imports the other", () => {
	expect(
		breaches(({ from, to }) => from.startsWith("storage/sqlite/") && to.startsWith("storage/postgres/")),
	).toEqual([]);
	expect(
		breaches(({ from, to }) => from.startsWith("storage/postgres/") && to.startsWith("storage/sqlite/")),
	).toEqual([]);
});

test("only main imports the commands, and only the commands import the composition root", () => {
	expect(breaches(({ module, target }) => target === "cli" && !["cli", "main.ts"].includes(module))).toEqual(
		[],
	);
	expect(breaches(({ module, target }) => target === "app.ts" && module !== "cli")).toEqual([]);
	expect(breaches(({ target }) => target === "main.ts")).toEqual([]);
});

test("only one file reads the environment", async () => {
	const readers: string[] = [];
	for await (const file of new Bun.Glob("**/*.ts").scan({ cwd: src })) {
		const text = await Bun.file(join(src, file)).text();
		if (/\b(process|Bun|import\.meta)\.env\b(?!\.\w+ = )/.test(text)) readers.push(file);
	}
	expect(readers).toEqual(["cli/environment.ts"]);
});

test("there are no import cycles at run time", () => {
	const next = Map.groupBy(
		imports.filter(({ isType }) => !isType),
		({ from }) => from,
	);
	const done = new Set<string>();
	const cycles: string[] = [];
	function follow(file: string, path: readonly string[]): void {
		if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
		if (path.includes(file) || done.has(file)) return;
		for (const { to } of next.get(file) ?? []) follow(to, [...path, file]);
		done.add(file);
	}
	for (const file of next.keys()) follow(file, []);
	expect(cycles).toEqual([]);
});
