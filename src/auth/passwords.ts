import { AppError } from "../kernel/errors.ts";
import { Semaphore, SemaphoreFull } from "../kernel/semaphore.ts";

/** Argon2id at OWASP's first choice for it: 19 MiB, two passes, one lane. */
const argon2id = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** The hash of no password: verified where there is no user, so that an unknown address takes as long as a wrong password. */
const unknownUserHash =
	"$argon2id$v=19$m=19456,t=2,p=1$mGMrq+5P3g7b819xq2LEo41vaxuVML5vwPSTx/w/ggA$H2cLEpDnl2znvtDmRAFor7dX309l577rKXPtcT16F+g";

/**
 * Each running hash takes 19 MiB and a thread of Bun's pool, which has one for each core. On two cores two, three and four
 * at a time gave the same number of logins, and /healthz the same time to respond; on more cores two would be the limit.
 */
const concurrentMax = 4;
const waitingMax = 100;

export interface Passwords {
	/** Of the password in NFC: keyboards and systems differ in the form that they give. */
	hash(password: string): Promise<string>;
	/**
	 * Whether the password fits the hash, in NFC or, as hashes were once made, as it was given; without a hash, the same
	 * work and false.
	 */
	verify(password: string, hash: string | undefined): Promise<boolean>;
}

/** Both functions fail with `unavailable` when too many wait. */
export function passwords(): Passwords {
	const semaphore = new Semaphore({ concurrentMax, waitingMax });

	async function run<T>(task: () => Promise<T>): Promise<T> {
		try {
			return await semaphore.run(task);
		} catch (error) {
			if (!(error instanceof SemaphoreFull)) throw error;
			throw new AppError("unavailable", "Too many logins are waiting.", { retryAfterSeconds: 2 });
		}
	}

	return {
		hash: (password) => run(() => Bun.password.hash(password.normalize("NFC"), argon2id)),
		async verify(password, hash) {
			for (const form of new Set([password.normalize("NFC"), password])) {
				const fits = await run(() => Bun.password.verify(form, hash ?? unknownUserHash));
				if (fits && hash !== undefined) return true;
			}
			return false;
		},
	};
}
