import { drizzle } from "drizzle-orm/postgres-js";
import { StartupError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Storage, StoresOf } from "../storage.ts";
import { tablesInSpaces } from "../table-columns.ts";
import { databaseNow } from "./clock.ts";
import type { Registration, StoreContext } from "./collection.ts";
import { collections } from "./collections.ts";
import { CommitNotifier } from "./commit-notifier.ts";
import { type Address, connect } from "./connection.ts";
import { EpochGuard } from "./log-epoch.ts";
import { migrate } from "./migrate.ts";
import { pingOf, requireUtf8 } from "./ping.ts";
import { Pool } from "./pool.ts";
import { startError } from "./start-error.ts";
import { PostgresWriter } from "./writer.ts";

export async function openPostgres(
	address: Address,
	log: Log,
	onMigration: (name: string) => void,
): Promise<Storage> {
	const pool = new Pool(() => connect(address), log);
	const epochs = new EpochGuard(pool, log, Object.values(collections));
	await prepare(pool, epochs, address, onMigration);
	const notifier = new CommitNotifier(address, () => epochs.check(), log);
	const { stores, run, counts, stop } = openCollections({ pool, epochs, notifier, log }, collections);
	return {
		...stores,
		run,
		writes: counts,
		async now() {
			const [row] = await pool.query(
				() => pool.sql<{ now: number }[]>`SELECT ${databaseNow(pool.sql)} AS now`,
			);
			if (row === undefined) throw new Error("the database has no clock");
			return row.now;
		},
		ping: pingOf(pool, Object.values(collections)),
		async stop() {
			await stop();
			await notifier.stop();
			await pool.end();
		},
	};
}

async function prepare(
	pool: Pool,
	epochs: EpochGuard,
	{ server }: Address,
	onMigration: (name: string) => void,
): Promise<void> {
	try {
		await requireUtf8(pool);
		await migrate(pool, onMigration);
		await epochs.check();
	} catch (error) {
		await pool.end(0);
		if (error instanceof StartupError) throw error;
		throw startError(error, server);
	}
}

type Collections = Readonly<Record<string, Registration<unknown>>>;

interface Parts {
	readonly pool: Pool;
	readonly epochs: EpochGuard;
	readonly notifier: CommitNotifier;
	readonly log: Log;
}

/** The stores of these collections, with one writer for all of them. */
export function openCollections<C extends Collections>(
	{ pool, epochs, notifier, log }: Parts,
	registered: C,
) {
	const units = Object.values(registered).flatMap((registration) => registration.units ?? []);
	const writer = new PostgresWriter(pool, epochs, units, log);
	// drizzle replaces the parsers of its client; no column here has a type whose parser it replaces.
	const context: StoreContext = {
		pool,
		db: drizzle(pool.sql),
		run: (unit) => writer.run(unit),
		epochs,
		notifier,
		tablesInSpaces: tablesInSpaces(registered),
	};
	const stores = Object.entries(registered).map(([name, { store }]) => [name, store(context)]);
	return {
		stores: Object.fromEntries(stores) as StoresOf<C>,
		run: context.run,
		counts: () => writer.counts,
		stop: () => writer.stop(),
	};
}
