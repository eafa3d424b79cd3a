import { drizzle } from "drizzle-orm/postgres-js";
import { StartupError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { withTimeout } from "../../timeout.ts";
import type { Storage, StoresOf } from "../storage.ts";
import type { Registration, StoreContext } from "./collection.ts";
import { collections } from "./collections.ts";
import { CommitNotifier } from "./commit-notifier.ts";
import { type Address, connect, type Sql } from "./connection.ts";
import { runQuery } from "./errors.ts";
import { EpochGuard } from "./log-epoch.ts";
import { migrate } from "./migrate.ts";
import { startError } from "./start-error.ts";
import { PostgresWriter } from "./writer.ts";

export async function openPostgres(
	address: Address,
	log: Log,
	onMigration: (name: string) => void,
): Promise<Storage> {
	const sql = connect(address);
	const epochs = new EpochGuard(sql, log, Object.values(collections));
	await prepare(sql, epochs, address, onMigration);
	const notifier = new CommitNotifier(address.server, () => epochs.check(), log);
	const { stores, run, counts, stop } = openCollections({ sql, epochs, notifier, log }, collections);
	return {
		...stores,
		run,
		writes: counts,
		async ping() {
			await runQuery(() => sql`SELECT 1`);
		},
		async stop() {
			await stop();
			await notifier.stop();
			await sql.end({ timeout: 5 });
		},
	};
}

async function prepare(
	sql: Sql,
	epochs: EpochGuard,
	{ server }: Address,
	onMigration: (name: string) => void,
): Promise<void> {
	try {
		await withTimeout(
			30_000,
			migrate(sql, onMigration).then(() => epochs.check()),
		);
	} catch (error) {
		await sql.end({ timeout: 0 });
		if (error instanceof StartupError) throw error;
		throw startError(error, server);
	}
}

type Collections = Readonly<Record<string, Registration<unknown>>>;

interface Parts {
	readonly sql: Sql;
	readonly epochs: EpochGuard;
	readonly notifier: CommitNotifier;
	readonly log: Log;
}

/** The stores of these collections, with one writer for all of them. */
export function openCollections<C extends Collections>({ sql, epochs, notifier, log }: Parts, registered: C) {
	const units = Object.values(registered).flatMap((registration) => registration.units ?? []);
	const writer = new PostgresWriter(sql, epochs, units, log);
	// drizzle replaces the parsers of its client; no column here has a type whose parser it replaces.
	const context: StoreContext = { sql, db: drizzle(sql), run: (unit) => writer.run(unit), epochs, notifier };
	const stores = Object.entries(registered).map(([name, { store }]) => [name, store(context)]);
	return {
		stores: Object.fromEntries(stores) as StoresOf<C>,
		run: context.run,
		counts: () => writer.counts,
		stop: () => writer.stop(),
	};
}
