package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"
)

// A mutant is a mistake that tests must see.
type mutant struct {
	Name string `yaml:"name"` // what is wrong with it
	File string `yaml:"file"` // relative to the module's root
	Old  string `yaml:"old"`  // occurs in the file once
	New  string `yaml:"new"`
	Test string `yaml:"test"` // package whose tests must fail; empty: that of the file
	Run  string `yaml:"run"`  // only these tests; empty: all
}

// limit is how long the tests of one mutant may take; a loop without end is a failure too.
const limit = 5 * time.Minute

func main() {
	list := flag.String("list", "internal/tools/mutate/mutants.yaml", "file of mutants")
	only := flag.String("only", "", "try only mutants whose name contains this")
	jobs := flag.Int("jobs", 2, "how many to try at once")
	flag.Parse()
	code, err := run(*list, *only, *jobs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	os.Exit(code)
}

// run tries every mutant and returns the exit code.
func run(list, only string, jobs int) (int, error) {
	mutants, err := load(list)
	if err != nil {
		return 2, err
	}
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return 2, err
	}
	defer os.RemoveAll(dir)
	var mu sync.Mutex
	killed, survived, failed := 0, 0, 0
	slots := make(chan struct{}, max(1, jobs))
	var wg sync.WaitGroup
	for i, m := range mutants {
		if !strings.Contains(m.Name, only) {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			died, err := m.try(filepath.Join(dir, fmt.Sprint(i)))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				failed++
				fmt.Printf("ERROR     %s: %v\n", m.Name, err)
			case died:
				killed++
			default:
				survived++
				fmt.Printf("SURVIVED  %s (%s)\n", m.Name, m.File)
			}
		})
	}
	wg.Wait()
	fmt.Printf("mutants: %d killed, %d survived, %d not tried\n", killed, survived, failed)
	switch {
	case failed > 0 || killed+survived == 0:
		return 2, nil
	case survived > 0:
		return 1, nil
	}
	return 0, nil
}

// load reads the list.
func load(file string) ([]mutant, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []mutant
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	seen := map[string]bool{}
	for i, m := range out {
		switch {
		case m.Name == "" || m.File == "" || m.Old == "" || m.Old == m.New:
			return nil, fmt.Errorf("%s: entry %d: expected name, file, old and another new", file, i+1)
		case seen[m.Name]:
			return nil, fmt.Errorf("%s: two mutants are called %q", file, m.Name)
		}
		seen[m.Name] = true
	}
	return out, nil
}

// mutate returns the file's text with the mistake in it.
func (m *mutant) mutate() ([]byte, error) {
	data, err := os.ReadFile(m.File)
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(data, []byte(m.Old)); n != 1 {
		return nil, fmt.Errorf("stale: %s has %q %d times, expected once", m.File, m.Old, n)
	}
	return bytes.Replace(data, []byte(m.Old), []byte(m.New), 1), nil
}

// try reports whether the tests fail with the mutant, which must compile.
func (m *mutant) try(dir string) (killed bool, err error) {
	text, err := m.mutate()
	if err != nil {
		return false, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return false, err
	}
	file, err := filepath.Abs(m.File)
	if err != nil {
		return false, err
	}
	changed, overlay := filepath.Join(dir, filepath.Base(m.File)), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return false, err
	}
	if err := errors.Join(os.WriteFile(changed, text, 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return false, err
	}
	pkg := m.Test
	if pkg == "" {
		pkg = "./" + filepath.ToSlash(filepath.Dir(m.File))
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "go", "vet", "-overlay="+overlay, "-asmdecl", "./"+filepath.ToSlash(filepath.Dir(m.File))).CombinedOutput(); err != nil {
		return false, fmt.Errorf("it does not compile: %s", bytes.TrimSpace(out))
	}
	args := []string{"test", "-count=1", "-overlay=" + overlay}
	if m.Run != "" {
		args = append(args, "-run", m.Run)
	}
	out, err := exec.CommandContext(ctx, "go", append(args, pkg)...).CombinedOutput()
	if bytes.Contains(out, []byte("no tests to run")) {
		return false, fmt.Errorf("-run %s matches no test of %s", m.Run, pkg)
	}
	return err != nil, nil
}
