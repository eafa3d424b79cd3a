/** A promise did not settle in time. */
export class TimeoutError extends Error {
	override readonly name = "TimeoutError";
}

/**
 * The value of `work`, or a `TimeoutError` after `milliseconds`; negative is the same as none. The work itself goes on: it
 * cannot be cancelled.
 */
export async function withTimeout<T>(milliseconds: number, work: Promise<T>): Promise<T> {
	const { promise: late, reject } = Promise.withResolvers<never>();
	const timer = setTimeout(
		() => reject(new TimeoutError(`no answer within ${milliseconds} ms`)),
		Math.max(0, milliseconds),
	);
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}
