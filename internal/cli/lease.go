package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/conformance"
)

// errLeased says that another run holds a lease.
var errLeased = errors.New("the lease is taken")

// A lease is held by the one run that may probe a target with some keys. Two at a time would
// see each other's objects and states of keys, and mistake them for faults.
type lease struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
}

// takeLease takes the lease of a target, of the keys of a plan and of its shard. The lease of a
// run that was killed is free: the operating system gave it back.
func takeLease(target *url.URL, p *conformance.Plan) (release func(), err error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("no place for the lease that keeps a second run off: %w", err)
	}
	dir = filepath.Join(dir, "permcheck", "lease")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var names []string
	for _, k := range p.Keys {
		names = append(names, k.Name)
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte(target.Host + target.Path + "\x00" + strings.Join(names, "\x00") + "\x00" + p.Shard().String()))
	path := filepath.Join(dir, hex.EncodeToString(sum[:8])+".json")
	f, err := lockLease(path)
	if errors.Is(err, errLeased) {
		who := "another run"
		var l lease
		if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &l) == nil && l.PID > 0 {
			who = fmt.Sprintf("process %d on %s, since %s,", l.PID, l.Host, l.Started.Local().Format(time.TimeOnly))
		}
		return nil, fmt.Errorf("%s probes %s with these keys: wait until it has ended, or end it", who, target.Host)
	}
	if err != nil {
		return nil, fmt.Errorf("taking the lease of %s: %w", target.Host, err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	data, err := json.Marshal(lease{os.Getpid(), host, time.Now().UTC()})
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(data, 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("writing the lease of %s: %w", target.Host, err)
	}
	return func() { unlockLease(f) }, nil
}
