/** A value that is nearly always there already, or else comes. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * `next` of a value: at once where the value is there, else when it comes. For the way of a GET alone, where one promise
 * more shows in the throughput.
 */
export function whenResolved<T, U>(
	value: MaybePromise<T>,
	next: (value: T) => MaybePromise<U>,
): MaybePromise<U> {
	return value instanceof Promise ? value.then(next) : next(value);
}

/** All values, at once where all of them are there. */
export function allResolved<T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> {
	const there = values.filter(
		(value): value is Exclude<typeof value, Promise<T>> => !(value instanceof Promise),
	);
	return there.length === values.length ? there : Promise.all(values);
}

/** Both values, at once where both are there. */
export function bothResolved<A, B>(a: MaybePromise<A>, b: MaybePromise<B>): MaybePromise<readonly [A, B]> {
	return a instanceof Promise || b instanceof Promise ? Promise.all([a, b]) : [a, b];
}
