import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";

/** What the figures depend on, as far as it can be named. */
export async function facts(): Promise<Readonly<Record<string, string>>> {
	const [{ model = "unknown" } = {}] = cpus();
	const found = {
		processor: `${cpus().length} × ${model}`,
		memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
		system: `Linux ${release()}`,
		Bun: Bun.version,
		orchestrator: printedBy(["git", "rev-parse", "--short", "HEAD"]),
		wrk: printedBy(["wrk", "--version"])?.split(" ").slice(1, 3).join(" "),
		Node: printedBy(["node", "--version"]),
		Fastify: await version("fastify"),
		"better-sqlite3": await version("better-sqlite3"),
		Python: printedBy([
			"/usr/bin/python3",
			"-c",
			"import sys, fastapi, sqlalchemy, uvicorn; print(sys.version.split()[0], 'FastAPI', fastapi.__version__, 'SQLAlchemy', sqlalchemy.__version__, 'uvicorn', uvicorn.__version__)",
		]),
	};
	return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string] => !!entry[1]));
}

/** The first line that a command prints, if it can be run. */
function printedBy(command: string[]): string | undefined {
	try {
		const { stdout } = Bun.spawnSync(command, { cwd: import.meta.dir, stderr: "ignore" });
		return stdout.toString().split("\n")[0]?.trim();
	} catch {
		return undefined;
	}
}

async function version(name: string): Promise<string | undefined> {
	const file = Bun.file(join(import.meta.dir, "node_modules", name, "package.json"));
	return (await file.exists()) ? ((await file.json()) as { version: string }).version : undefined;
}
