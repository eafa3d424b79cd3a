import type { Config } from "../config.ts";
import type { OpenLog } from "../kernel/log.ts";
import type { FirstUser } from "./first-user.ts";

/**
 * Says where to go next, whatever the log's level. The first user's password is shown here, once, and never logged: where
 * standard output is a log for machines, it goes to standard error.
 */
export function greet(
	url: string,
	user: FirstUser | undefined,
	{ logFormat, reads }: Config,
	announce: OpenLog["announce"],
): void {
	if (logFormat === "pretty") return void process.stdout.write(greeting(url, user, reads));
	announce({ url }, "Ready.");
	if (user !== undefined) process.stderr.write(`${["", ...shownOnce(user), ""].join("\n")}\n`);
}

function greeting(url: string, user: FirstUser | undefined, reads: Config["reads"]): string {
	const credentials = user && JSON.stringify({ email: user.email, password: user.password });
	const lines = [
		"",
		`  Orchestrator is ready at ${url}`,
		`  Swagger UI:  ${url}/swagger`,
		...(user ? ["", ...shownOnce(user)] : []),
		"",
		"  Try:",
		credentials
			? `  curl -s ${url}/auth/login -H 'Content-Type: application/json' -d '${credentials}'`
			: `  curl -s ${url}${reads === "public" ? "/collab/state/tasks" : "/healthz"}`,
		"",
	];
	return `${lines.join("\n")}\n`;
}

function shownOnce({ email, password }: FirstUser): readonly string[] {
	return [`  First user:  ${email}`, `  Password:    ${password}   (shown this once)`];
}
