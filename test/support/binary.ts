import { join } from "node:path";
import { compile } from "../../build.ts";
import { newFolder } from "./databases.ts";

let built: Promise<string> | undefined;

/** The executable, built once for all tests of this process. */
export function binary(): Promise<string> {
	built ??= compile("src/main.ts", join(newFolder(), "orchestrator"));
	return built;
}
