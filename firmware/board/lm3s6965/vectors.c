//go:build tinygo && lm3s6965

/* The vector table of the Cortex-M3; handlers written in Go are exported under these names. */
extern char _stack_top[];
void Reset_Handler(void);
void Fault_Handler(void);
void GPIOA_Handler(void);
void GPIOC_Handler(void);
void UART0_Handler(void);
void TIMER0A_Handler(void);
void Default_Handler(void) { for (;;) {} } /* the watchdog ends this */
typedef void (*vector)(void);
__attribute__((section(".isr_vector"), used)) const vector vectors[16 + 44] = {
    (vector)_stack_top, Reset_Handler,
    Default_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler, 0, 0, 0, 0,
    Default_Handler, Default_Handler, 0, Default_Handler, Default_Handler,
    [16 + 0] = GPIOA_Handler, [16 + 1] = Default_Handler,
    [16 + 2] = GPIOC_Handler, [16 + 3 ... 16 + 4] = Default_Handler,
    [16 + 5] = UART0_Handler, [16 + 6 ... 16 + 18] = Default_Handler,
    [16 + 19] = TIMER0A_Handler, [16 + 20 ... 16 + 43] = Default_Handler,
};
