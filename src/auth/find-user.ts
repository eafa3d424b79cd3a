import { emailForms } from "../kernel/credentials.ts";
import type { User, UserStore } from "./store.ts";

/** The user of an address, in whichever form the address is kept. The work is the same whether or not there is one. */
export async function findUser(users: UserStore, address: string): Promise<User | undefined> {
	const found = await Promise.all(emailForms(address).map((email) => users.findByEmail(email)));
	return found.find((user) => user !== undefined);
}
