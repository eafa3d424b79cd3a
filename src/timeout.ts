/** An answer did not come in its time. */
export class TimeoutError extends Error {
	override readonly name = "TimeoutError";
}

/** The answer, or a `TimeoutError` once `milliseconds` have passed. The work itself goes on: it cannot be called back. */
export async function withTimeout<T>(milliseconds: number, answer: Promise<T>): Promise<T> {
	const { promise: late, reject } = Promise.withResolvers<never>();
	const timer = setTimeout(
		() => reject(new TimeoutError(`no answer within ${milliseconds} ms`)),
		milliseconds,
	);
	try {
		return await Promise.race([answer, late]);
	} finally {
		clearTimeout(timer);
	}
}
