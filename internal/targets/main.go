package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A scenario is one real server: how it is started and seeded, and how keys of it are made.
type scenario struct {
	name   string
	scheme string // of its Authorization header; empty: the token alone
	start  func(ctx context.Context, dir string) (a *api, stop func(), err error)
	// seed makes what the catalog and the profile speak about, and returns the keys' tokens.
	seed    func(ctx context.Context, a *api) (map[string]string, error)
	mint    func(ctx context.Context, a *api, k key) (id, token string, err error)
	change  func(ctx context.Context, a *api, action, id string, k key) error
	actions []string
	scope   func(sharing map[string]string) string
	plants  []plant
	example example
}

// An example is what the documentation does with the server.
type example struct {
	file, heading string
	keys          map[string]string // of its profile -> of the seed
	finds         []string          // the checks, sorted
}

// A key is what the provisioner is asked for.
type key struct {
	name   string
	grants []string
	scope  string
}

// A plant is a fault that is planted in the live server, by the number in the catalog of
// faults, and the finding that must tell it.
type plant struct {
	fault            int
	what, check, row string
	touches          string // the beginning of the paths that it may change
	apply            func(context.Context, *api) (undo func() error, err error)
}

// scenarios are those that can be named on the command line.
var scenarios []*scenario

var install = flag.String("install", "", "the folder in which Directus is installed")

//go:embed testdata
var testdata embed.FS

func main() {
	scenarios = []*scenario{&pocketbase, &directus}
	shared := flag.String("recorded", "", "a folder with NAME.csv, answers that the server once gave, which no finding may contradict")
	keep := flag.String("keep", "", "a folder to work in, which is kept")
	hold := flag.Bool("hold", false, "start and seed the server and leave it running, to be probed by hand")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	name := flag.Arg(0)
	if name == "keys" { // what the profile's provisioner starts
		if err := provision(ctx, os.Stdin, os.Stdout); err != nil {
			_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"error": err.Error()})
		}
		return
	}
	i := slices.IndexFunc(scenarios, func(s *scenario) bool { return s.name == name })
	if i < 0 || flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	ok, err := run(ctx, scenarios[i], *shared, *keep, *hold)
	if err != nil {
		fmt.Fprintln(os.Stderr, "targets:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run starts a server, seeds it, probes it with the command, and compares what is found with
// what is known. It reports whether they agree.
func run(ctx context.Context, s *scenario, recorded, dir string, hold bool) (bool, error) {
	began := time.Now()
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "permcheck-targets-"); err != nil {
			return false, err
		}
		defer os.RemoveAll(dir)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	if err := unpack(s.name, dir); err != nil {
		return false, err
	}
	permcheck := filepath.Join(dir, "permcheck")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", permcheck, "./cmd/permcheck").CombinedOutput(); err != nil {
		return false, fmt.Errorf("building permcheck: %w\n%s", err, out)
	}
	a, stop, err := s.start(ctx, dir)
	if err != nil {
		return false, err
	}
	defer stop()
	tokens, err := s.seed(ctx, a)
	if err != nil {
		return false, fmt.Errorf("seeding: %w", err)
	}
	fmt.Printf("%s is seeded after %.0f s\n", s.name, time.Since(began).Seconds())
	p := &prober{s: s, a: a, dir: dir, permcheck: permcheck, tokens: tokens}
	if hold {
		env := filepath.Join(dir, "env")
		if err := os.WriteFile(env, []byte(strings.Join(p.env(), "\n")+"\n"), 0o600); err != nil {
			return false, err
		}
		fmt.Printf("it answers at %s until you interrupt this; the keys of probe.yaml are in %s\n", a.base, env)
		<-ctx.Done()
		return true, nil
	}
	ok, err := p.all(ctx, recorded)
	fmt.Printf("%s: %.0f s\n", s.name, time.Since(began).Seconds())
	return ok, err
}

// unpack writes the catalog, the profile and the gaps of a scenario, and this program beside
// them, as the profile's provisioner.
func unpack(name, dir string) error {
	from := "testdata/" + name
	entries, err := fs.ReadDir(testdata, from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		data, err := testdata.ReadFile(from + "/" + e.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, e.Name()), data, 0o600); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "targets"), data, 0o700)
}

// freeAddress is an address of this machine that nothing listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// startProcess starts a server, whose output goes to server.log, and returns what ends it.
func startProcess(ctx context.Context, dir string, env []string, program string, args ...string) (func(), error) {
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), env...), log, log
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, err
	}
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		log.Close()
	}, nil
}

// The provisioner's way to the server: its address and the token of its administrator.
const (
	envServer = "TARGET_SERVER"
	envBase   = "TARGET_BASE"
	envToken  = "TARGET_TOKEN"
)

// provision does one action of permcheck's protocol for commands that make keys.
func provision(ctx context.Context, in, out *os.File) error {
	i := slices.IndexFunc(scenarios, func(s *scenario) bool { return s.name == os.Getenv(envServer) })
	if i < 0 {
		return errors.New(envServer + " names no server")
	}
	s := scenarios[i]
	a := s.api(os.Getenv(envBase), os.Getenv(envToken))
	var asked struct {
		Action, ID, Name string
		Grants           []string
		Sharing          map[string]string
	}
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	k := key{name: strings.ToLower(asked.Name), grants: asked.Grants, scope: s.scope(asked.Sharing)}
	answer := map[string]any{}
	switch asked.Action {
	case "can":
		answer["actions"] = s.actions
	case "mint":
		id, token, err := s.mint(ctx, a, k)
		if err != nil {
			return err
		}
		answer["id"], answer["secret"] = id, token
	default:
		if err := s.change(ctx, a, asked.Action, asked.ID, k); err != nil {
			return err
		}
	}
	return json.NewEncoder(out).Encode(answer)
}

// api is the administration of a server that runs already.
func (s *scenario) api(base, token string) *api {
	return &api{base: base, scheme: s.scheme, token: token}
}
