CREATE TABLE "comment_removals" (
	"task" uuid PRIMARY KEY NOT NULL,
	"space" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "comments" (
	"seq" bigint PRIMARY KEY NOT NULL,
	"id" uuid NOT NULL,
	"space" integer NOT NULL,
	"task" uuid NOT NULL,
	"body" text NOT NULL,
	"created_by" text NOT NULL,
	"user_id" uuid NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "comments_id_unique" UNIQUE("id")
);
--> statement-breakpoint
CREATE INDEX "comments_of_task" ON "comments" USING btree ("task","seq");--> statement-breakpoint
CREATE INDEX "comments_in_space" ON "comments" USING btree ("space") WHERE space <> 1;