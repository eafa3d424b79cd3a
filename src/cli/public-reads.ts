import type { Config } from "../config.ts";
import type { Log } from "../kernel/log.ts";

/** Says once what a host beyond this machine's own addresses means while reads need no login. */
export function warnOfPublicReads({ host, reads }: Pick<Config, "host" | "reads">, log: Log): void {
	if (reads === "login" || isLoopback(host)) return;
	log.warn(
		{ host },
		`READS is public and HOST is ${host}: whoever reaches this port can read every task and its events without a login. READS=login asks for one.`,
	);
}

/** A name other than `localhost` may lead anywhere. */
function isLoopback(host: string): boolean {
	return /^((::ffff:)?127(\.\d{1,3}){3}|::1|localhost)$/i.test(host);
}
