import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

/**
 * `bun run build`: makes dist/orchestrator, one executable that needs nothing beside it.
 * `--target bun-linux-arm64` (or another of Bun's targets) makes dist/orchestrator-linux-arm64 for another machine.
 */

/**
 * Compiles a program into one executable and answers with its path.
 *
 * Bytecode, because parsing is most of a start; the JIT is delayed until the server listens (cli/serve.ts), because
 * compiling what runs once took a quarter of the processor's time. Source maps are inside, so that stack traces name the
 * lines of the .ts files. Not minified: that breaks how Elysia finds out what a handler reads. The executable reads
 * neither .env nor bunfig.toml: it is started in folders of other people's projects, whose files are not meant for it.
 */
export async function compile(
	entry: string,
	outfile: string,
	target?: Bun.Build.CompileTarget,
): Promise<string> {
	mkdirSync(dirname(outfile), { recursive: true });
	// Beside it first: a binary that runs cannot be written over, and nobody may find half of one.
	const unfinished = `${outfile}.${process.pid}`;
	const { outputs } = await Bun.build({
		entrypoints: [join(import.meta.dir, entry)],
		bytecode: true,
		format: "esm",
		minify: false,
		sourcemap: "inline",
		compile: {
			outfile: unfinished,
			autoloadDotenv: false,
			autoloadBunfig: false,
			jitPolicy: 100,
			...(target !== undefined && { target }),
		},
	});
	const made = outputs.find(({ kind }) => kind === "entry-point")?.path ?? unfinished;
	rmSync(`${unfinished}.map`, { force: true });
	const finished = made.replace(unfinished, outfile); // Windows' ending is added by Bun
	renameSync(made, finished);
	return finished;
}

if (import.meta.main) {
	try {
		const { target } = parseArgs({ options: { target: { type: "string" } } }).values;
		const suffix = target === undefined ? "" : `-${target.replace(/^bun-/, "")}`;
		const outfile = join(import.meta.dir, "dist", `orchestrator${suffix}`);
		console.log(await compile("src/main.ts", outfile, target as Bun.Build.CompileTarget | undefined));
	} catch (error) {
		const faults = error instanceof AggregateError ? error.errors : [error];
		for (const fault of faults) console.error(`build: ${fault instanceof Error ? fault.message : fault}`);
		process.exitCode = 1;
	}
}
