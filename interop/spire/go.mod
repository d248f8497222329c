// The SPIRE that interoperability is tested with. See build.sh.
module prokura.invalid/interop/spire

go 1.26.6

require github.com/spiffe/spire v1.15.3
