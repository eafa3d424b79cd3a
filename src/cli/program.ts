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
	const token = tokenCommands(program, exit);
	const member = memberCommands(program, exit);
	const space = program.command("space").description("look at the spaces");
	space
		.command("list")
		.description("print every space with its title")
		.action(async () => (await import("./member.ts")).list());
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
	const groups = [program, user, token, member, space];
	for (const command of [...groups, ...groups.flatMap(({ commands }) => commands)]) strict(command);
	return program;
}

function tokenCommands(program: Command, exit: (code: number) => void): Command {
	const token = program.command("token").description("manage the access tokens of agents and programs");
	const each = (value: string, before: readonly string[] = []) => [...before, value];
	token
		.command("add")
		.description("make an access token and print it, this once")
		.argument("<email>", "the e-mail address of the user whose token it is")
		.argument("<name>", "how others see the token")
		.requiredOption("--scope <scope>", "tasks:read, tasks:write, jobs or metrics; may be repeated", each)
		.option("--space <space>", "a space that it reaches; may be repeated; absent: all of the user's", each)
		.option("--days <days>", "after how many days it expires, 1 to 365; absent: never")
		.action(async (email: string, name: string, given) =>
			exit(await (await import("./token.ts")).add(email, name, given)),
		);
	token
		.command("list")
		.description("print the tokens of a user, or of all, without the tokens themselves")
		.argument("[email]", "the user's e-mail address")
		.action(async (email?: string) => exit(await (await import("./token.ts")).list(email)));
	token
		.command("remove")
		.description("end a token at once")
		.argument("<id>", "the token's id, as list has it")
		.action(async (id: string) => exit(await (await import("./token.ts")).remove(id)));
	return token;
}

function memberCommands(program: Command, exit: (code: number) => void): Command {
	const member = program.command("member").description("manage who is in a space, whatever the own role");
	member
		.command("set")
		.description("add a user to a space, or change a member's role")
		.argument("<space>", "the space's name")
		.argument("<email>", "the user's e-mail address")
		.argument("<role>", "reader, writer or owner")
		.action(async (space: string, email: string, role: string) =>
			exit(await (await import("./member.ts")).set(space, email, role)),
		);
	member
		.command("remove")
		.description("take a user out of a space")
		.argument("<space>", "the space's name")
		.argument("<email>", "the user's e-mail address")
		.action(async (space: string, email: string) =>
			exit(await (await import("./member.ts")).remove(space, email)),
		);
	return member;
}

const userCommands = [
	[
		"add",
		"add a user; the password is asked for, or read from standard input",
		["--name <name>", "how others see the user; absent: what stands before the @"],
	],
	["passwd", "give a user a new password and end the user's logins"],
	["remove", "remove a user; the user's logins and tokens end at once"],
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
			"There are: serve, migrate, user add|list|passwd|remove, token add|list|remove, member set|remove, space list, healthcheck, backup, restore, openapi, --help, --version.",
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
