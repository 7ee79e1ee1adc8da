// Command mutants measures what the checks of a probe find: the mutation score.
//
//	go run ./internal/mutants [-fault NAME] [-family A] [-v]
//
// For each fault of package reference it starts a server of the built-in job board with that
// fault, as a process of its own, probes it, and prints a line: the number and the name of the
// fault, the check that must find it, whether that check did, and what else was found. A finding
// on an endpoint, key or field that the fault does not touch is noise. Then it probes servers
// that are right: without any fault, and with each trap, a way to behave that is right and that a
// naive harness takes for a fault. There every finding is noise.
//
// The score counts the numbers of the catalog of faults, 1 to 87 and 88a to 88p. A number is
// found when each of its forms is found by its own check and without noise. Below the
// committed least score, or with any noise on the right servers, it exits 1.
package main
