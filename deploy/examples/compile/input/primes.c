/* Counts primes below a limit with the sieve of Eratosthenes. */
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    const long limit = count > 1 ? strtol(arguments[1], NULL, 10) : 100;
    if (limit < 2 || limit > 100000000) {
        fprintf(stderr, "a limit from 2 to 100000000 is expected\n");
        return 2;
    }
    unsigned char *composite = calloc((size_t)limit, 1);
    if (composite == NULL) return 1;
    long primes = 0;
    for (long number = 2; number < limit; number++) {
        if (composite[number]) continue;
        primes++;
        for (long multiple = number * number; multiple < limit; multiple += number) composite[multiple] = 1;
    }
    free(composite);
    printf("%ld primes below %ld\n", primes, limit);
    return 0;
}
