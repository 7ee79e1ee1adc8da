package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"go.yaml.in/yaml/v3"
)

func main() {
	if len(os.Args) < 3 || os.Args[1] != "json" && os.Args[1] != "yaml" {
		fmt.Fprintln(os.Stderr, "usage: peers json|yaml FILE...")
		os.Exit(2)
	}
	var all sync.WaitGroup
	for _, file := range os.Args[2:] {
		all.Go(func() {
			if err := read(os.Args[1], file); err != nil {
				fmt.Fprintf(os.Stderr, "peers: %s: %v\n", file, err)
				os.Exit(2)
			}
		})
	}
	all.Wait()
}

func read(format, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if format == "json" {
		var v any
		return json.Unmarshal(data, &v)
	}
	var n yaml.Node
	return yaml.Unmarshal(data, &n)
}
