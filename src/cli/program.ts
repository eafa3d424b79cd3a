import { Command, CommanderError } from "commander";
import { ConfigError } from "../config.ts";
import { AppError, StartupError } from "../kernel/errors.ts";
import { version } from "../kernel/version.ts";

/** Exit codes: the command failed, or its arguments or the environment were wrong. */
const failed = 1;
const misused = 2;

/** Runs the command that the arguments name; returns the exit code. A command's code is loaded when it runs. */
export async function run(args: readonly string[]): Promise<number> {
	let code = 0;
	const program = commands((done) => {
		code = done;
	});
	// Bun would print the error with everything that it has, a query's parameters among it.
	process.on("uncaughtException", async (error) => process.exit(await report(error)));
	try {
		await program.parseAsync(args.length === 0 ? ["serve"] : [...args], { from: "user" });
		return code;
	} catch (error) {
		return report(error);
	}
}

function commands(exit: (code: number) => void): Command {
	const program = new Command("orchestrator")
		.description("People, worker programs and AI agents coordinate work here.")
		.version(version)
		.addHelpText("after", "\nSettings come from the environment; the README lists them.");
	program
		.command("serve")
		.description("migrate the database and serve (the default)")
		.action(async () => exit(await (await import("./serve.ts")).serve()));
	program
		.command("migrate")
		.description("bring the database's schema up to date and say what was done")
		.action(async () => (await import("./migrate.ts")).migrate());
	const user = program.command("user").description("manage the people who may log in");
	for (const [name, description, ...options] of userCommands) {
		const command = user.command(name).description(description);
		command.argument("<email>", "the user's e-mail address");
		for (const [flags, meaning] of options) command.option(flags, meaning);
		command.action(async (email: string, given) =>
			exit(await (await import("./user.ts"))[name](email, given)),
		);
	}
	user
		.command("list")
		.description("print every user's e-mail address")
		.action(async () => (await import("./user.ts")).list());
	program
		.command("healthcheck")
		.description("exit 0 if the server at HOST:PORT is healthy")
		.action(async () => exit(await (await import("./healthcheck.ts")).healthcheck()));
	program
		.command("backup")
		.description("copy the database to a new file, also while a server uses it (SQLite)")
		.argument("<file>", "the file to make")
		.action(async (file: string) => (await import("./backup.ts")).backup(file));
	program
		.command("restore")
		.description("put a backup in place of the database, which no server may use then (SQLite)")
		.argument("<file>", "the backup")
		.option("--force", "replace the database that is there")
		.action(async (file: string, options) => (await import("./restore.ts")).restore(file, options));
	program
		.command("openapi")
		.description("print the OpenAPI document")
		.action(async () => (await import("./openapi.ts")).openapi());
	for (const command of [program, user, ...program.commands, ...user.commands]) strict(command);
	return program;
}

const userCommands = [
	[
		"add",
		"add a user; the password is asked for, or read from standard input",
		["--name <name>", "how others see the user; absent: what stands before the @"],
	],
	["passwd", "give a user a new password and end the user's tokens"],
	["remove", "remove a user; the user's tokens end at once"],
] as const;

/** Commander throws instead of ending the process, so that `report` can say which commands there are. */
function strict(command: Command): void {
	command
		.exitOverride()
		.allowExcessArguments(false)
		.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "orchestrator: ")) });
}

async function report(error: unknown): Promise<number> {
	if (error instanceof CommanderError) {
		if (error.exitCode === 0) return 0;
		console.error(
			"There are: serve, migrate, user add|list|passwd|remove, healthcheck, backup, restore, openapi, --help, --version.",
		);
		return misused;
	}
	if (error instanceof ConfigError) {
		for (const line of [error.message, ...error.faults.map((fault) => `  ${fault}`)]) console.error(line);
		return misused;
	}
	if (error instanceof StartupError || error instanceof AppError) {
		console.error(`orchestrator: ${error.message}`);
		return failed;
	}
	const { loggable } = await import("../kernel/loggable.ts");
	console.error("orchestrator: This is a defect of the program:", loggable(error));
	return failed;
}
