// Command driftbench measures permcheck diff on large documents, against the least that
// any reader of them must do and against oasdiff, all in one run and in turns:
//
//	go run ./internal/driftbench -dir DIR [-runs N]
//
// DIR holds pairs NAME-base.EXT and NAME-head.EXT (json or yaml) with the changes that
// diff must find in NAME-changes.json. It prints a table of CPU time, wall time and peak
// memory, and exits 1 when a limit is passed or other changes are found. Where oasdiff
// cannot be built, it says so and leaves those limits out.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Limits on permcheck's CPU time: so many times the floor's at most, and a fraction of
// oasdiff's; and on its memory, a fraction of oasdiff's.
type limits struct{ floor, peer float64 }

var limitsOf = map[string]limits{
	"json": {floor: 2, peer: 1.0 / 10},
	"yaml": {floor: 1.5, peer: 1.0 / 4},
}

const memoryLimit = 1.0 / 2

func main() {
	dir := flag.String("dir", "", "folder of the pairs")
	runs := flag.Int("runs", 3, "runs of permcheck and of the floor; medians are printed")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 || *runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ok, err := bench(*dir, *runs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "driftbench:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func bench(dir string, runs int) (ok bool, err error) {
	tools, err := os.MkdirTemp("", "driftbench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(tools)
	build := func(folder, pkg, name string) (string, error) {
		out := filepath.Join(tools, name)
		cmd := exec.Command("go", "build", "-o", out, pkg)
		cmd.Dir = folder
		if text, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", pkg, err, text)
		}
		return out, nil
	}
	own, err := build(".", "./cmd/permcheck", "permcheck")
	if err != nil {
		return false, err
	}
	peers := filepath.Join("internal", "driftbench", "peers")
	floor, err := build(peers, ".", "floor")
	if err != nil {
		return false, err
	}
	oasdiff, err := build(peers, "github.com/oasdiff/oasdiff", "oasdiff")
	if err != nil {
		fmt.Printf("oasdiff is left out, and with it the limits against it: %v\n", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*-changes.json"))
	if err != nil || len(files) == 0 {
		return false, fmt.Errorf("no NAME-changes.json in %s", dir)
	}
	fmt.Printf("%-12s %-10s %8s %8s %8s  %s\n", "pair", "tool", "CPU s", "wall s", "MB", "")
	ok = true
	for _, file := range files {
		name := strings.TrimSuffix(file, "-changes.json")
		base, err := filepath.Glob(name + "-base.*")
		if err != nil || len(base) != 1 {
			return false, fmt.Errorf("%s: expected one %s-base.EXT", file, filepath.Base(name))
		}
		format := strings.TrimPrefix(filepath.Ext(base[0]), ".")
		limit, known := limitsOf[format]
		if !known {
			return false, fmt.Errorf("%s: expected a .json or .yaml file", base[0])
		}
		pair := []string{base[0], strings.Replace(base[0], "-base.", "-head.", 1)}
		var ours, least []cost
		var found []byte
		for range runs {
			c, out, err := run(own, append([]string{"diff", "--format", "json", "--fail-on", "none"}, pair...)...)
			if err != nil {
				return false, err
			}
			ours, found = append(ours, c), out
			if c, _, err = run(floor, append([]string{format}, pair...)...); err != nil {
				return false, err
			}
			least = append(least, c)
		}
		us, bottom := median(ours), median(least)
		label := filepath.Base(name)
		row := func(tool string, c cost, note string) {
			fmt.Printf("%-12s %-10s %8.2f %8.2f %8.0f  %s\n", label, tool, c.cpu.Seconds(), c.wall.Seconds(), float64(c.memory)/1e6, note)
			label = ""
		}
		check := func(what string, is, most float64) string {
			verdict := "ok"
			if is > most {
				verdict, ok = "TOO MUCH", false
			}
			return fmt.Sprintf("%s %.2f of at most %.2f: %s", what, is, most, verdict)
		}
		notes := []string{check("CPU, of the floor,", ratio(us.cpu, bottom.cpu), limit.floor)}
		var theirs cost
		if oasdiff != "" {
			// It exits 1 when it finds changes, depending on its version.
			var exit *exec.ExitError
			if theirs, _, err = run(oasdiff, append([]string{"changelog"}, pair...)...); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
				return false, err
			}
			notes = append(notes, check("CPU, of oasdiff,", ratio(us.cpu, theirs.cpu), limit.peer),
				check("memory, of oasdiff,", float64(us.memory)/float64(theirs.memory), memoryLimit))
		}
		row("permcheck", us, strings.Join(notes, "; "))
		row("floor", bottom, map[string]string{"json": "encoding/json into any", "yaml": "yaml.v3 into nodes"}[format])
		if oasdiff != "" {
			row("oasdiff", theirs, "changelog, one run")
		}
		missing, extra, err := compare(file, found)
		if err != nil {
			return false, err
		}
		if len(missing)+len(extra) > 0 {
			fmt.Printf("             other changes than in %s: missing %q, extra %q\n", filepath.Base(file), missing, extra)
			ok = false
		}
	}
	return ok, nil
}

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

// A cost is what one command used.
type cost struct {
	wall, cpu time.Duration
	memory    int64 // peak, in bytes
}

func run(tool string, args ...string) (cost, []byte, error) {
	cmd := exec.Command(tool, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	start := time.Now()
	err := cmd.Run()
	c := cost{wall: time.Since(start)}
	if cmd.ProcessState != nil {
		c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			c.memory = ru.Maxrss << 10
		}
	}
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, errOut.Bytes())
	}
	return c, out.Bytes(), err
}

func median(cs []cost) cost {
	slices.SortFunc(cs, func(a, b cost) int { return int(a.cpu - b.cpu) })
	return cs[len(cs)/2]
}

// compare holds the changes that diff printed against the list of a file.
func compare(file string, found []byte) (missing, extra []string, err error) {
	type change struct{ Method, Path, Change string }
	var want []change
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &want)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	var got struct{ Changes []change }
	if err := json.Unmarshal(found, &got); err != nil {
		return nil, nil, fmt.Errorf("what permcheck diff printed: %w", err)
	}
	left := map[string]int{}
	for _, c := range want {
		left[c.Method+" "+c.Path+" "+c.Change]++
	}
	for _, c := range got.Changes {
		left[c.Method+" "+c.Path+" "+c.Change]--
	}
	for _, c := range slices.Sorted(maps.Keys(left)) {
		if left[c] > 0 {
			missing = append(missing, c)
		} else if left[c] < 0 {
			extra = append(extra, c)
		}
	}
	return missing, extra, nil
}
