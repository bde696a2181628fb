#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Greets, and says on which kernel and as which process: the two facts that tell a VM from a container. */
int main(void)
{
    struct utsname host;

    if (uname(&host) != 0) {
        perror("uname");
        return 1;
    }
    printf("\n"
           "Hello from Duet!\n"
           "This message shows that your installation works.\n"
           "\n"
           "How it came to be:\n"
           " 1. The client asked the engine to run the image \"hello-world\".\n"
           " 2. The engine unpacked the image and made a workload of it.\n"
           " 3. The workload ran this program, on Linux %s as process %ld.\n"
           " 4. A shim passed what the program printed on to your terminal.\n"
           "\n"
           "Run it the other way and compare the kernel:\n"
           " $ duet run hello-world\n"
           " $ duet run --isolation vm hello-world\n"
           "\n",
           host.release, (long)getpid());
    return fflush(stdout) == 0 ? 0 : 1;
}
