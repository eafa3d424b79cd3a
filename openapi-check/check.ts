import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Holds the OpenAPI document to what others expect of one: two linters, neither of which may find as much as a warning,
 * and a generated client whose named types must compile under `strict`. The tools are many packages and want an older
 * TypeScript than ours, so they have a package and a lockfile of their own, in this folder.
 */
const here = import.meta.dir;
const work = await mkdtemp(join(tmpdir(), "openapi-"));
const document = join(work, "openapi.json");
const client = join(work, "client");

/** A use of the client that compiles only if the types have names and the members that they should have. */
const usage = `
import { claimNextTask, createTask, leaseJobs, listTasks } from "./client";
import type { BriefTask, ClaimedTask, Error as Failure, Event, EventList, EventType, Fault, Job, JobList, JobState, Lease, NewJob, NewTask, Task, TaskList, TaskPatch } from "./client";

export const newest = ({ items }: TaskList): Task | BriefTask | undefined => items[0];
export const typeOf = ({ items }: EventList): EventType | undefined => items.map((event: Event) => event.type)[0];
export const leaseOf = ({ items }: JobList): Lease | undefined => items.find((job: Job) => job.state === "leased")?.lease;
export const states: JobState[] = ["queued", "leased"];
export const job: NewJob = { kind: "email.send", payload: { to: "ada@example.com" } };
export const patch: TaskPatch = { description: null };
export const faults = ({ details = [] }: Failure): readonly Fault[] => details;

export async function use(body: NewTask): Promise<Task | BriefTask | undefined> {
	const { data: leased } = await leaseJobs({ body: { worker: "w" } });
	const { data: created } = await createTask({ body });
	const { data: list } = await listTasks({ query: { limit: 1 } });
	const { data: claimed } = await claimNextTask({ body: { lease_seconds: 60 } });
	return leased && list ? newest(list) : claimed ? taskOf(claimed) : created;
}

export const taskOf = ({ task }: ClaimedTask): Task => task;
export const textOf = ({ title, description }: Task): string => title + description;
// @ts-expect-error A task has a title.
export const untitled: Pick<Task, "title"> = {};
`;

const tsconfig = {
	compilerOptions: {
		strict: true,
		noEmit: true,
		target: "ESNext",
		module: "Preserve",
		lib: ["ESNext", "DOM", "DOM.Iterable"],
		types: [],
	},
	files: ["usage.ts"],
};

interface Output {
	readonly code: number;
	readonly text: string;
}

/** Runs a command to its end. The tools ask nobody whether there is a newer version of them, and report to nobody. */
async function run(command: readonly string[], cwd: string): Promise<Output> {
	const child = Bun.spawn([process.execPath, ...command], {
		cwd,
		env: { ...Bun.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" },
		stdin: "ignore",
		stdout: "pipe",
		stderr: "pipe",
	});
	const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
	return { code, text: out + err };
}

/** Runs a tool of this folder's package by Bun: each wants another version of Node. */
function tool(name: string, ...args: string[]): Promise<Output> {
	return run(["--bun", join(here, "node_modules/.bin", name), ...args], here);
}

/** With errors it ends with 1, but with warnings alone it does not. */
async function redocly(): Promise<Output> {
	const { code, text } = await tool("redocly", "lint", document, "--config=redocly.yaml", "--format=stylish");
	return { code: code === 0 && /\d+ (error|warning)/.test(text) ? 1 : code, text };
}

function spectral(): Promise<Output> {
	return tool("spectral", "lint", document, "--ruleset=spectral.yaml", "--fail-severity=hint");
}

async function generatedClient(): Promise<Output> {
	const made = await tool("openapi-ts", `--input=${document}`, `--output=${client}`, "--no-log-file");
	if (made.code !== 0) return made;
	await Bun.write(join(work, "usage.ts"), usage);
	await Bun.write(join(work, "tsconfig.json"), JSON.stringify(tsconfig));
	return tool("tsc", "--project", work);
}

async function main(): Promise<boolean> {
	const install = await run(["install", "--frozen-lockfile", "--ignore-scripts"], here);
	if (install.code !== 0) throw new Error(install.text);
	const printed = await run(["src/main.ts", "openapi"], join(here, ".."));
	if (printed.code !== 0) throw new Error(printed.text);
	await Bun.write(document, printed.text);
	const checks = { redocly, spectral, "openapi-ts and tsc --strict": generatedClient };
	let isGood = true;
	for (const [name, check] of Object.entries(checks)) {
		const { code, text } = await check();
		console.log(code === 0 ? `${name}: 0 errors, 0 warnings` : `${name}: FAILED\n${text}`);
		isGood &&= code === 0;
	}
	return isGood;
}

try {
	process.exitCode = (await main()) ? 0 : 1;
} finally {
	await rm(work, { recursive: true, force: true });
}
