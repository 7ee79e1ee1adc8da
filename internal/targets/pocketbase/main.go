// Command pocketbase is the PocketBase server that package targets probes. It is a module of
// its own, so that permcheck does not depend on what it needs.
package main

import (
	"log"

	"github.com/pocketbase/pocketbase"
)

func main() {
	if err := pocketbase.New().Start(); err != nil {
		log.Fatal(err)
	}
}
