import { AppError } from "../errors.ts";

/** Argon2id at OWASP's first choice for it: 19 MiB, two passes, one lane. */
const argon2id = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** A hash of nothing anybody knows: verified where there is no user, so that both answers take about one time. */
const nobodysHash =
	"$argon2id$v=19$m=19456,t=2,p=1$mGMrq+5P3g7b819xq2LEo41vaxuVML5vwPSTx/w/ggA$H2cLEpDnl2znvtDmRAFor7dX309l577rKXPtcT16F+g";

/**
 * Each that runs holds 19 MiB and a thread of Bun's pool, which has one a core. On two cores two, three and four at a time
 * gave the same number of logins and let /healthz answer in the same time; on more cores two would be the limit.
 */
const concurrentMax = 4;
const waitingMax = 100;

export interface Passwords {
	hash(password: string): Promise<string>;
	/** Whether the password fits the hash; with no hash, the same work and false. */
	verify(password: string, hash: string | undefined): Promise<boolean>;
}

/** Refuses with `unavailable` when more than a bounded number wait. */
export function passwords(): Passwords {
	const semaphore = new Semaphore(concurrentMax, waitingMax);
	return {
		hash: (password) => semaphore.run(() => Bun.password.hash(password, argon2id)),
		async verify(password, hash) {
			const fits = await semaphore.run(() => Bun.password.verify(password, hash ?? nobodysHash));
			return fits && hash !== undefined;
		},
	};
}

/** Lets a bounded number of jobs run, a bounded number wait, and refuses the rest. */
class Semaphore {
	#running = 0;
	readonly #waiting: (() => void)[] = [];

	constructor(
		private readonly concurrentMax: number,
		private readonly waitingMax: number,
	) {}

	async run<T>(job: () => Promise<T>): Promise<T> {
		if (this.#running >= this.concurrentMax) await this.#turn();
		else this.#running++;
		try {
			return await job();
		} finally {
			const next = this.#waiting.shift();
			if (next === undefined) this.#running--;
			else next();
		}
	}

	#turn(): Promise<void> {
		if (this.#waiting.length >= this.waitingMax) {
			throw new AppError("unavailable", "Too many logins are waiting.", { retryAfterSeconds: 2 });
		}
		return new Promise((resolve) => this.#waiting.push(resolve));
	}
}
