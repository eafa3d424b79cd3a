CREATE TABLE "claims" (
	"task" uuid PRIMARY KEY NOT NULL,
	"space" integer NOT NULL,
	"fence" bigint NOT NULL,
	"settled_fence" bigint,
	"settled_by" text,
	"holder" text NOT NULL,
	"actor" text NOT NULL,
	"claimed_at" bigint NOT NULL,
	"lease_seconds" integer,
	"lease_expires_at" bigint
);
--> statement-breakpoint
CREATE TABLE "task_results" (
	"task" uuid PRIMARY KEY NOT NULL,
	"space" integer NOT NULL,
	"result" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "reason" text;--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "expires_at" bigint;--> statement-breakpoint
CREATE INDEX "claims_lasting" ON "claims" USING btree ("space","fence","task") WHERE lease_expires_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "claims_by_holder" ON "claims" USING btree ("space","holder","fence","task") WHERE lease_expires_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "claims_by_actor" ON "claims" USING btree ("space","actor","fence","task") WHERE lease_expires_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "claims_expiring" ON "claims" USING btree ("lease_expires_at","task") WHERE lease_expires_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "claims_in_space" ON "claims" USING btree ("space","task") WHERE space <> 1;--> statement-breakpoint
CREATE INDEX "task_results_in_space" ON "task_results" USING btree ("space","task") WHERE space <> 1;