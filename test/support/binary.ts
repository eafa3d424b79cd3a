import { join } from "node:path";
import { compile } from "../../build.ts";
import { newFolder } from "./databases.ts";

let built: Promise<string> | undefined;

/** The executable, built by the first test of the run that needs it. */
export function binary(): Promise<string> {
	built ??= builtOnce(Bun.env.TEST_BINARY ?? join(newFolder(), "orchestrator"));
	return built;
}

async function builtOnce(path: string): Promise<string> {
	return (await Bun.file(path).exists()) ? path : compile("src/main.ts", path);
}
