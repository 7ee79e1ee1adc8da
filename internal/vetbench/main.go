// Command vetbench measures what permcheck vet costs on a module, with permcheck-vet as its tool
// and with itself, against a vet tool that does nothing but export a fact, all in one run and in
// turns:
//
//	go run ./internal/vetbench -src DIR [-runs N]
//	go run ./internal/vetbench -generate 100000
//
// A first run is one with a tool that the go command has not seen, everything being
// compiled; a warm one has nothing left to do. With -generate it writes a server of
// that many routes, a hundred in each package, and one of a tenth, and reads both.
package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	src := flag.String("src", "", "folder of the module to vet")
	runs := flag.Int("runs", 3, "runs of each kind; medians are printed")
	generate := flag.Int("generate", 0, "read a generated server of so many routes")
	flag.Parse()
	if (*src == "") == (*generate == 0) || flag.NArg() > 0 || *runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	dir, err := os.MkdirTemp("", "vetbench-")
	if err == nil {
		defer os.RemoveAll(dir)
		b := &bench{dir: dir, runs: *runs}
		if err = b.build(); err == nil {
			if *generate > 0 {
				err = b.generated(*generate)
			} else {
				err = b.compare(*src)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vetbench:", err)
		os.RemoveAll(dir)
		os.Exit(2)
	}
}

// tools are what is measured, the floor first.
var tools = []string{"noop", "permcheck-vet", "permcheck"}

type bench struct {
	dir  string
	runs int
}

// A cost is what one command used, its children included.
type cost struct {
	wall, cpu time.Duration
	memory    int64 // peak of the largest process, in bytes
}

func (b *bench) build() error {
	for name, pkg := range map[string]string{"permcheck": "./cmd/permcheck", "permcheck-vet": "./cmd/permcheck-vet", "noop": "./internal/vetbench/noop"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(b.dir, name), pkg).CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// fresh copies a tool under another identity, which the go command has not seen. It
// holds none of it in memory: what this process has resident counts as its children's.
func (b *bench) fresh(name string) (path string, err error) {
	from, err := os.Open(filepath.Join(b.dir, name))
	if err != nil {
		return "", err
	}
	defer from.Close()
	tag := rand.Text()
	path = filepath.Join(b.dir, tag, name)
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return "", err
	}
	// Bytes after the end of an executable are not loaded, but they are hashed.
	_, err = io.Copy(to, io.MultiReader(from, strings.NewReader(tag)))
	return path, errors.Join(err, to.Close())
}

// run vets the module with a tool, as permcheck does or as a plain vet tool.
func (b *bench) run(tool, src string) (cost, error) {
	cmd := exec.Command("go", "vet", "-json", "-vettool="+tool, "./...")
	if filepath.Base(tool) != "noop" {
		cmd = exec.Command(filepath.Join(b.dir, "permcheck"), "vet", "--fail-on", "none", "./...")
		cmd.Env = append(os.Environ(), "PERMCHECK_VET_TOOL="+tool)
	}
	cmd.Dir = src
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	c := cost{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.memory = ru.Maxrss << 10
	}
	return c, nil
}

func (b *bench) compare(src string) error {
	if _, err := b.run(filepath.Join(b.dir, "noop"), src); err != nil { // compiles what is not compiled
		return err
	}
	first, warm := map[string][]cost{}, map[string][]cost{}
	for range b.runs {
		for _, name := range tools {
			tool, err := b.fresh(name)
			if err != nil {
				return err
			}
			for _, into := range []map[string][]cost{first, warm} {
				c, err := b.run(tool, src)
				if err != nil {
					return err
				}
				into[name] = append(into[name], c)
			}
		}
	}
	fmt.Printf("%-10s %-14s %9s %9s %7s\n", "run", "tool", "wall s", "CPU s", "MB")
	for _, k := range []struct {
		name string
		by   map[string][]cost
	}{{"first", first}, {"warm", warm}} {
		floor := median(k.by["noop"])
		for _, name := range tools {
			c := median(k.by[name])
			fmt.Printf("%-10s %-14s %9.2f %9.2f %7.0f", k.name, name, c.wall.Seconds(), c.cpu.Seconds(), float64(c.memory)/1e6)
			if name != "noop" {
				fmt.Printf("  %5.2fx wall (%+.2f s), %.2fx CPU, %.2fx MB", c.wall.Seconds()/floor.wall.Seconds(), (c.wall - floor.wall).Seconds(),
					c.cpu.Seconds()/floor.cpu.Seconds(), float64(c.memory)/float64(floor.memory))
			}
			fmt.Println()
		}
	}
	return nil
}

func median(cs []cost) cost {
	pick := func(of func(cost) int64) int64 {
		vs := make([]int64, len(cs))
		for i, c := range cs {
			vs[i] = of(c)
		}
		slices.Sort(vs)
		return vs[len(vs)/2]
	}
	return cost{
		wall:   time.Duration(pick(func(c cost) int64 { return int64(c.wall) })),
		cpu:    time.Duration(pick(func(c cost) int64 { return int64(c.cpu) })),
		memory: pick(func(c cost) int64 { return c.memory }),
	}
}

// generated reads servers of a tenth and of all the routes.
func (b *bench) generated(routes int) error {
	const perPackage = 100
	for _, n := range []int{routes / 10, routes} {
		src := filepath.Join(b.dir, fmt.Sprintf("server%d", n))
		write := func(name, text string) error {
			file := filepath.Join(src, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return err
			}
			return os.WriteFile(file, []byte(text), 0o644)
		}
		var imports, calls strings.Builder
		for p := range max(1, n/perPackage) {
			var body strings.Builder
			for r := range perPackage {
				fmt.Fprintf(&body, "\tmux.HandleFunc(\"GET /p%d/r%d/{id}\", Require(handle, \"P%d:READ\"))\n", p, r, p)
			}
			if err := write(fmt.Sprintf("p%d/p.go", p), fmt.Sprintf(`package p%d

import "net/http"

func Require(h http.HandlerFunc, permission string) http.HandlerFunc { return h }

func handle(http.ResponseWriter, *http.Request) {}

func Register(mux *http.ServeMux) {
%s}
`, p, body.String())); err != nil {
				return err
			}
			fmt.Fprintf(&imports, "\t\"example.com/server/p%d\"\n", p)
			fmt.Fprintf(&calls, "\tp%d.Register(mux)\n", p)
		}
		if err := write("go.mod", "module example.com/server\n\ngo 1.26.0\n"); err != nil {
			return err
		}
		if err := write("main.go", fmt.Sprintf("package main\n\nimport (\n\t\"net/http\"\n\n%s)\n\nfunc main() {\n\tmux := http.NewServeMux()\n%s\t_ = http.ListenAndServe(\":8080\", mux)\n}\n", imports.String(), calls.String())); err != nil {
			return err
		}
		for _, kind := range []string{"first", "warm"} {
			c, err := b.run(filepath.Join(b.dir, "permcheck-vet"), src)
			if err != nil {
				return err
			}
			fmt.Printf("%7d routes in %4d packages, %-5s: %6.2f s wall, %6.2f s CPU, %4.0f MB\n", n, max(1, n/perPackage), kind, c.wall.Seconds(), c.cpu.Seconds(), float64(c.memory)/1e6)
		}
	}
	return nil
}
