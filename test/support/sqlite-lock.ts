import { onEnd } from "./teardown.ts";

/** Holds a SQLite file's lock from another process until it is released. */
export async function holdLock(path: string): Promise<() => Promise<void>> {
	const holding = `
		const database = new (require("bun:sqlite").Database)(${JSON.stringify(path)});
		database.run("PRAGMA busy_timeout = 20000");
		database.run("BEGIN EXCLUSIVE");
		console.log("locked");
		for await (const _ of process.stdin);
		database.run("ROLLBACK");`;
	const child = Bun.spawn([process.execPath, "-e", holding], { stdin: "pipe", stdout: "pipe" });
	onEnd(() => child.kill("SIGKILL"));
	const { value } = await child.stdout.getReader().read();
	if (new TextDecoder().decode(value) !== "locked\n") throw new Error("the lock was not taken");
	return async () => {
		child.stdin.end();
		if ((await child.exited) !== 0) throw new Error("the lock was not released in order");
	};
}
