// Command targets probes real servers that others wrote, as a user of permcheck would: it starts
// one, seeds it, runs the command with a catalog and a profile, and compares what is reported with
// what is known of that server. It fails when a known gap is lost, when anything else is found, and
// when a fault that is planted in the running server is missed.
//
//	go run ./internal/targets [-recorded DIR] [-keep DIR] [-hold] pocketbase
//	go run ./internal/targets -install DIR directus
//
// PocketBase is built from a module of its own, in folder pocketbase; docs/targets.md says how
// Directus is installed. The program is also the provisioner that the profiles name: with the
// argument keys it reads one action from standard input, as docs/probe.md has it.
//
// The contract of a server is in testdata, in a folder of its name: catalog.yaml, probe.yaml and
// gaps.csv, whose rows name the check, the row and the key that tell each gap.
package main
