import { describeCrowd } from "../support/claims-crowd.ts";

describeCrowd(5000, 900_000);
